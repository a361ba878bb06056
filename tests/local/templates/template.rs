//! A template as data, and the few questions that the tests ask of it.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::templates::{TEMPLATES, infra, lint};

/// What was read, once for all tests: cfn-lint takes seconds to come up.
static READ: [OnceCell<Value>; TEMPLATES.len()] =
    [const { OnceCell::const_new() }; TEMPLATES.len()];

/// One template, each intrinsic in its long form.
pub(crate) struct Template {
    /// Its file name.
    pub(crate) name: &'static str,
    value: Value,
}

/// One resource of a template.
#[derive(Clone, Copy)]
pub(crate) struct Resource<'t> {
    /// Its logical id.
    pub(crate) id: &'t str,
    kind: &'t str,
    properties: &'t Value,
}

impl Template {
    /// Reads a template of `infra/`.
    pub(crate) async fn read(name: &'static str) -> anyhow::Result<Self> {
        let places = TEMPLATES.iter().zip(&READ).find(|(known, _)| **known == name);
        let (_, place) = places.with_context(|| format!("{name} is not one of {TEMPLATES:?}"))?;
        let value = place.get_or_try_init(|| async { lint("json", &[infra(name)]).await }).await?;
        Ok(Self { name, value: value.clone() })
    }

    /// All resources of a type, such as `AWS::SQS::Queue`.
    pub(crate) fn all(&self, kind: &str) -> Vec<Resource<'_>> {
        let resources = self.resources().into_iter().flatten();
        resources
            .map(|(id, resource)| Resource {
                id,
                kind: kind_of(resource),
                properties: under(resource, "/Properties"),
            })
            .filter(|resource| resource.kind == kind)
            .collect()
    }

    fn resources(&self) -> Option<&Map<String, Value>> {
        under(&self.value, "/Resources").as_object()
    }

    /// The resource of this logical id.
    pub(crate) fn resource(&self, id: &str) -> anyhow::Result<Resource<'_>> {
        let (id, found) = self
            .resources()
            .and_then(|resources| resources.get_key_value(id))
            .with_context(|| format!("{} has no {id}", self.name))?;
        Ok(Resource { id, kind: kind_of(found), properties: under(found, "/Properties") })
    }

    /// The default of a parameter; null for none.
    pub(crate) fn default(&self, parameter: &str) -> &Value {
        under(&self.value, &format!("/Parameters/{parameter}/Default"))
    }

    /// Logical ids of the functions by the functions' names, which are how their zips are called.
    pub(crate) fn functions(&self) -> BTreeMap<String, &str> {
        let name = |function: &Resource<'_>| {
            let key = function.at("/Code/S3Key/Fn::Sub").as_str().unwrap_or_default();
            key.trim_start_matches("${CodePrefix}").trim_end_matches(".zip").to_owned()
        };
        let functions = self.all("AWS::Lambda::Function");
        functions.into_iter().map(|function| (name(&function), function.id)).collect()
    }
}

impl<'t> Resource<'t> {
    /// What is at a JSON pointer below its properties; null for nothing.
    pub(crate) fn at(&self, pointer: &str) -> &'t Value {
        under(self.properties, pointer)
    }

    /// The elements of a list below its properties.
    pub(crate) fn each(&self, pointer: &str) -> &'t [Value] {
        list(self.at(pointer))
    }
}

/// What is at a JSON pointer; null for nothing.
pub(crate) fn under<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn kind_of(resource: &Value) -> &str {
    under(resource, "/Type").as_str().unwrap_or_default()
}

/// The elements of a list; nothing else has any.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The logical id that a `Ref`, or a `GetAtt` of an ARN, names.
pub(crate) fn referred(value: &Value) -> Option<&str> {
    let path = under(value, "/Fn::GetAtt");
    let dotted = path.as_str().and_then(|path| path.split('.').next());
    let listed = list(path).first().and_then(Value::as_str);
    dotted.or(listed).or_else(|| under(value, "/Ref").as_str())
}

/// The export's name without the stack's, of an `ImportValue`.
pub(crate) fn imported(value: &Value) -> Option<&str> {
    value.pointer("/Fn::ImportValue/Fn::Sub")?.as_str()?.strip_prefix("${RecoveryStack}-")
}
