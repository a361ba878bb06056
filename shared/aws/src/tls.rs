//! Whom an HTTPS connection believes: the compiled-in authorities, those of a PEM file in their
//! place, or one pinned public key alone.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::plan::TlsPin;

/// The authorities of AWS's own endpoints (<https://www.amazontrust.com/repository/>), by the name
/// in their certificates. Five cost almost nothing to load where all of Mozilla's cost
/// milliseconds.
const AMAZON: [&str; 5] = [
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
];

/// Authorities that a certificate may come from.
#[derive(Clone, Debug)]
pub(crate) enum Roots {
    /// Those that are compiled in.
    CompiledIn,
    /// Those of a PEM file, and no others.
    Given(Vec<CertificateDer<'static>>),
}

impl Roots {
    /// Takes the file's authorities in place of the compiled-in ones, if a file is named.
    pub(crate) fn load(path: Option<&str>) -> Result<Self, Fault> {
        let Some(path) = path else { return Ok(Self::CompiledIn) };
        let fault =
            |why: String| Fault::new(Hope::Permanent, "reading the TLS roots of", path, why);
        let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let roots: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| fault(format!("it is not PEM: {error}")))?;
        if roots.is_empty() {
            return Err(fault("there is no certificate in it".to_owned()));
        }
        // Tried here, so that the file is named.
        let mut store = RootCertStore::empty();
        for root in &roots {
            store
                .add(root.clone())
                .map_err(|error| fault(format!("a certificate in it is of no use: {error}")))?;
        }
        Ok(Self::Given(roots))
    }

    /// For the AWS endpoints of a Region.
    pub(crate) fn for_aws(&self, region: &str) -> Result<ClientConfig, rustls::Error> {
        let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
        let amazons: Vec<_> = all.iter().filter(|root| is_amazons(root)).collect();
        let chosen: Box<dyn Iterator<Item = &CertificateDer<'static>>> = match self {
            Self::Given(roots) => Box::new(roots.iter()),
            // The endpoints in China have certificates of other authorities.
            Self::CompiledIn if region.starts_with("cn-") || amazons.len() < AMAZON.len() => {
                Box::new(all.iter())
            }
            Self::CompiledIn => Box::new(amazons.into_iter()),
        };
        let mut store = RootCertStore::empty();
        for root in chosen {
            store.add(root.clone())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(config)
    }

    /// For an address of a plan: the pinned key alone, if there is one, else the authorities.
    pub(crate) fn for_plan(&self, pin: Option<TlsPin>) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = match pin {
            Some(pin) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
                .with_no_client_auth(),
            None => builder.with_root_certificates(self.store()?).with_no_client_auth(),
        };
        Ok(config)
    }

    fn store(&self) -> Result<RootCertStore, rustls::Error> {
        match self {
            Self::CompiledIn => {
                Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
            }
            Self::Given(roots) => {
                let mut store = RootCertStore::empty();
                for root in roots {
                    store.add(root.clone())?;
                }
                Ok(store)
            }
        }
    }
}

/// Looks for the name in the certificate itself, in one pass over the part that holds the subject.
fn is_amazons(root: &CertificateDer<'_>) -> bool {
    let head = root.get(..512).unwrap_or(root);
    head.iter().enumerate().filter(|(_, letter)| matches!(letter, b'A' | b'S')).any(|(at, _)| {
        let rest = head.get(at..).unwrap_or_default();
        AMAZON.iter().any(|name| rest.starts_with(name.as_bytes()))
    })
}

/// Believes exactly one public key, whoever signed its certificate, whatever its name and its
/// dates: appliances come with certificates that they signed themselves. That the server holds the
/// key is still proven by its signature of the handshake.
#[derive(Debug)]
struct Pinned {
    pin: TlsPin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let found: [u8; 32] = Sha256::digest(&key).into();
        if found == self.pin.0 {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the server's public key is sha256/{}, and the pin is sha256/{}",
            BASE64.encode(found),
            BASE64.encode(self.pin.0)
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
