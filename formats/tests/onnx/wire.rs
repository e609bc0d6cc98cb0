//! Files changed as bytes: messages of protocol buffers are fields, each with a number, a kind and what it holds.

/// Fields of messages on the way from a model to the extents of an input or output: graph, input or output, type, kind, shape.
const GRAPH: u64 = 7;
const PORTS: [u64; 2] = [11, 12];
const TYPE: u64 = 2;
const KINDS: [u64; 2] = [1, 8];
const SHAPE: u64 = 2;
const INITIALIZER: u64 = 5;
const NAME: u64 = 8;

/// Fields that hold bytes.
const BYTES: u64 = 2;

/// The model without what it says of the extents of its inputs and outputs.
pub(crate) fn without_extents(model: &[u8]) -> Vec<u8> {
    let ty = |bytes: &[u8]| inside(bytes, &KINDS, &|tensor| inside(tensor, &[SHAPE], &|_| None));
    let port = |bytes: &[u8]| inside(bytes, &[TYPE], &ty);
    let graph = |bytes: &[u8]| inside(bytes, &PORTS, &port);
    inside(model, &[GRAPH], &graph).unwrap_or_default()
}

/// The model with a tensor of this name: of messages that occur twice the fields are joined.
pub(crate) fn with_initializer(mut model: Vec<u8>, tensor: &[u8], name: &str) -> Vec<u8> {
    let mut named = tensor.to_vec();
    put(&mut named, NAME, name.as_bytes());
    let mut graph = Vec::new();
    put(&mut graph, INITIALIZER, &named);
    put(&mut model, GRAPH, &graph);
    model
}

/// The message with these fields changed, or taken away.
fn inside(message: &[u8], fields: &[u64], change: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < message.len() {
        let start = at;
        let key = number(message, &mut at)?;
        let length = match key & 7 {
            0 => {
                number(message, &mut at)?;
                0
            }
            1 => 8,
            5 => 4,
            BYTES => number(message, &mut at)? as usize,
            _ => return None,
        };
        let held = message.get(at..at + length)?;
        at += length;
        if key & 7 == BYTES && fields.contains(&(key >> 3)) {
            if let Some(changed) = change(held) {
                put(&mut found, key >> 3, &changed);
            }
        } else {
            found.extend(&message[start..at]);
        }
    }
    Some(found)
}

fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut found = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        found |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(found);
        }
    }
    None
}

fn put(to: &mut Vec<u8>, field: u64, held: &[u8]) {
    for mut number in [field << 3 | BYTES, held.len() as u64] {
        while number >= 0x80 {
            to.push(number as u8 | 0x80);
            number >>= 7;
        }
        to.push(number as u8);
    }
    to.extend(held);
}
