//! Everything that needs the local stack. It is one program, because most of these tests wait more than they
//! compute: they are told side by side, eight at a time (`.cargo/config.toml`), and each scene is set once.

// What a plain `cargo test` does not build: shared/aws, and the proof.
mod built_apart;
// What the vault relies on of S3, asked of two emulators.
mod contracts;
// Failovers by the real binaries: called twice, killed, frozen, lied to.
mod failover;
// The servers of ours in the local stack, each by itself.
mod parts;
// The local stack, held to its word: starts real processes.
mod stack;
// The functions on the local stack, in a world that misbehaves.
mod stories;
// infra/ against what the rest of the repository says.
mod templates;
