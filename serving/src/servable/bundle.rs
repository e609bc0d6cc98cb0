//! Bundles of traced functions: an endpoint is a signature.

use std::collections::BTreeMap;
use std::path::Path;

use tensorwright_bundle::{Bundle, Dim, Endpoint, Port as BundlePort};

use super::{DEFAULT_SIGNATURE, Port, Servable, Signature, refused};
use crate::error::{Error, Result};
use crate::value::{ElementType, Value};

struct BundleServable {
    endpoints: BTreeMap<String, Endpoint>,
    signatures: BTreeMap<String, Signature>,
}

/// Reads a bundle, and runs those of its endpoints that change nothing with the inputs that were recorded for that. An endpoint by itself answers requests that name none.
pub(super) fn load(path: &Path) -> Result<Box<dyn Servable>> {
    let bundle = Bundle::load(path).map_err(Error::internal)?;
    let (mut endpoints, mut signatures) = (BTreeMap::new(), BTreeMap::new());
    let names: Vec<&str> = bundle.endpoints().collect();
    for &name in &names {
        let endpoint = bundle.endpoint(name).map_err(Error::internal)?;
        if !endpoint.assigns() {
            bundle.warm_up(&endpoint).map_err(Error::internal)?;
        }
        let Some((inputs, outputs)) = endpoint.signatures().last() else { continue };
        let [inputs, outputs] = [inputs, outputs].map(|ports| ports.iter().map(port).collect());
        let name = if names.len() == 1 { DEFAULT_SIGNATURE } else { name };
        signatures.insert(name.to_owned(), Signature::new(inputs, outputs));
        endpoints.insert(name.to_owned(), endpoint);
    }
    Ok(Box::new(BundleServable { endpoints, signatures }))
}

fn port(port: &BundlePort) -> Port {
    let extent = |dim: &Dim| match dim {
        Dim::Size(size) => Some(*size),
        Dim::Open(_) => None,
    };
    let shape = Some(port.shape.iter().map(extent).collect());
    Port { name: port.name.clone(), ty: ElementType::Number(port.dtype), shape }
}

impl Servable for BundleServable {
    fn platform(&self) -> &str {
        "tensorwright_bundle"
    }

    fn signatures(&self) -> &BTreeMap<String, Signature> {
        &self.signatures
    }

    fn changes(&self, signature: &str) -> bool {
        self.endpoints.get(signature).is_some_and(Endpoint::assigns)
    }

    fn call(&self, signature: &str, inputs: &[Value]) -> Result<Vec<Value>> {
        let unknown = || Error::not_found(format!("there is no signature `{signature}`"));
        let endpoint = self.endpoints.get(signature).ok_or_else(unknown)?;
        let inputs = inputs.iter().map(Value::tensor).collect::<Result<Vec<_>>>()?;
        let found = endpoint.function().call(&inputs).map_err(refused)?;
        found.iter().map(Value::of_tensor).collect()
    }
}
