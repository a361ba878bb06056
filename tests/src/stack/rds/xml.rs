//! The XML of the Query protocol, for what the RDS server answers. It reads none.
//!
//! Shape of answers and errors: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.

use std::fmt::Display;
use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::refusal::Refusal;

/// The namespace that AWS puts on every answer of this API version.
const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

/// Elements in the order in which they were put.
#[derive(Debug, Default)]
pub(super) struct Tree(Vec<Node>);

#[derive(Debug)]
enum Node {
    Leaf(&'static str, String),
    Branch(&'static str, Tree),
}

impl Tree {
    pub(super) fn put(mut self, name: &'static str, value: impl Display) -> Self {
        self.0.push(Node::Leaf(name, value.to_string()));
        self
    }

    /// Leaves the element out when there is no value: an empty one would be read as an empty text.
    pub(super) fn put_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// Changes the text of an element that is there already.
    pub(super) fn replace(mut self, name: &str, value: &str) -> Self {
        for node in &mut self.0 {
            if let Node::Leaf(leaf, text) = node
                && *leaf == name
            {
                value.clone_into(text);
            }
        }
        self
    }

    pub(super) fn branch(mut self, name: &'static str, inside: Tree) -> Self {
        self.0.push(Node::Branch(name, inside));
        self
    }

    pub(super) fn branch_some(self, name: &'static str, inside: Option<Tree>) -> Self {
        match inside {
            Some(inside) => self.branch(name, inside),
            None => self,
        }
    }

    /// Appends the elements of another tree.
    pub(super) fn join(mut self, other: Tree) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn list(
        self,
        name: &'static str,
        item: &'static str,
        items: impl IntoIterator<Item = Tree>,
    ) -> Self {
        let items = items.into_iter().map(|inside| Node::Branch(item, inside));
        self.branch(name, Tree(items.collect()))
    }

    pub(super) fn words(
        self,
        name: &'static str,
        item: &'static str,
        words: impl IntoIterator<Item = String>,
    ) -> Self {
        let words = words.into_iter().map(|word| Node::Leaf(item, word));
        self.branch(name, Tree(words.collect()))
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        for node in &self.0 {
            match node {
                Node::Leaf(name, text) => {
                    writer.create_element(*name).write_text_content(BytesText::new(text))?;
                }
                Node::Branch(name, inside) if inside.0.is_empty() => {
                    writer.create_element(*name).write_empty()?;
                }
                Node::Branch(name, inside) => {
                    let element = writer.create_element(*name);
                    element.write_inner_content(|writer| inside.write(writer))?;
                }
            }
        }
        Ok(())
    }
}

/// The body of a success: `<ActionResponse><ActionResult>…`.
pub(super) fn answer(action: &str, result: &Tree, request_id: &str) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    let response = format!("{action}Response");
    let element = writer.create_element(response).with_attribute(("xmlns", NAMESPACE));
    element.write_inner_content(|writer| {
        let inner = writer.create_element(format!("{action}Result"));
        inner.write_inner_content(|writer| result.write(writer))?;
        let metadata = Tree::default().put("RequestId", request_id);
        Tree::default().branch("ResponseMetadata", metadata).write(writer)
    })?;
    Ok(writer.into_inner())
}

/// The body of an error. `Type` says whose fault it is, by the HTTP status.
pub(super) fn error(refusal: &Refusal, request_id: &str) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    let fault = if refusal.status < 500 { "Sender" } else { "Receiver" };
    let error = Tree::default()
        .put("Type", fault)
        .put("Code", refusal.code)
        .put("Message", &refusal.message);
    let body = Tree::default().branch("Error", error).put("RequestId", request_id);
    let element = writer.create_element("ErrorResponse").with_attribute(("xmlns", NAMESPACE));
    element.write_inner_content(|writer| body.write(writer))?;
    Ok(writer.into_inner())
}
