//! `release`: what the way back runs again, as a `checkpoint` asks, joins what is around it.
//!
//! Until now it stayed apart: had the passes seen that it computes what the first run has computed, they would have merged the two,
//! and the values of the first run would have been kept, which is what it is there to avoid. Nothing merges equal nodes afterwards.
//!
//! ```text
//! graph @f(%x: f32[4], %d: f32[4]) {
//!   %a = exp(%x)
//!   %y = checkpoint(%x, %d) {name = "g", again = true} (
//!     graph @g(%x: f32[4], %d: f32[4]) { %a = exp(%x) %y = mul(%a, %d) return %y }
//!   )
//!   return %a, %y
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4], %d: f32[4]) {
//!   %a = exp(%x)
//!   %b = exp(%x)
//!   %y = mul(%b, %d)
//!   return %a, %y
//! }
//! ```

use tensorwright_ir::Graph;
use tensorwright_ir::op::{Ports, Runs};

use super::everywhere::has_regions;
use super::rewriter::{Rewrite, rewrite};
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Release;

impl Pass for Release {
    fn name(&self) -> &'static str {
        "release"
    }

    fn description(&self) -> &'static str {
        "lets what is computed again join what is around it"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        rewrite(graph, cx, |r, site| match site.node.op.ports() {
            Some(Ports { runs: Runs::Again, .. }) => {
                Ok(Rewrite::Replace(r.build().inline(&site.node.regions[0], &site.operands)?.into()))
            }
            _ => Ok(Rewrite::Keep),
        })
    }
}
