//! What kinds of frameworks there are.

use insula_types::Span;
use insula_types::framework::{Capabilities, FrameworkInfo};

use crate::rng::Rng;

/// How a framework behaves. Chances are in thousandths and apply each time it acts; times are in
/// milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// The name of the kind.
    pub(crate) kind: &'static str,
    /// Chance that it accepts an offer rather than declining it.
    pub(crate) accepts: u32,
    /// Most tasks that it starts on one offer.
    pub(crate) launches_max: usize,
    /// The longest filter that it declines with.
    pub(crate) refuse_max: u64,
    /// The longest that it takes to acknowledge an update.
    pub(crate) acknowledges_within: u64,
    /// Chance that it forgets to.
    pub(crate) forgets: u32,
    pub(crate) kills: u32,
    pub(crate) reconciles: u32,
    pub(crate) suppresses: u32,
    /// Chance that it hangs up, to come back or not.
    pub(crate) leaves: u32,
    pub(crate) tears_down: u32,
    /// Chance that what it accepts with is wrong in some way.
    pub(crate) errs: u32,
}

const GREEDY: Habits = Habits {
    kind: "greedy",
    accepts: 1_000,
    launches_max: 4,
    refuse_max: 1_000,
    acknowledges_within: 10,
    forgets: 0,
    kills: 10,
    reconciles: 10,
    suppresses: 0,
    leaves: 0,
    tears_down: 0,
    errs: 0,
};

/// Every kind.
const KINDS: [Habits; 7] = [
    GREEDY,
    Habits {
        kind: "picky",
        accepts: 200,
        launches_max: 1,
        refuse_max: 30_000,
        suppresses: 100,
        ..GREEDY
    },
    Habits {
        kind: "forgetful",
        acknowledges_within: 20_000,
        forgets: 400,
        ..GREEDY
    },
    Habits {
        kind: "wanderer",
        leaves: 60,
        ..GREEDY
    },
    Habits {
        kind: "killer",
        kills: 500,
        ..GREEDY
    },
    Habits {
        kind: "auditor",
        reconciles: 500,
        ..GREEDY
    },
    Habits {
        kind: "clumsy",
        accepts: 700,
        errs: 300,
        tears_down: 5,
        ..GREEDY
    },
];

impl Habits {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        rng.pick(&KINDS).cloned().unwrap_or(GREEDY)
    }
}

/// What a framework of any kind may say about itself.
pub(crate) fn draw_info(number: usize, rng: &mut Rng) -> FrameworkInfo {
    let roles: &[&str] = match rng.below(4) {
        0 => &["*"],
        1 => &["batch"],
        2 => &["batch", "web"],
        _ => &["*", "web/front"],
    };
    let failover_timeout = if rng.chance(200) {
        Span::ZERO
    } else {
        Span::from_secs(rng.between(1, 120))
    };
    FrameworkInfo {
        name: format!("framework {number}"),
        user: "nobody".to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        capabilities: Capabilities {
            multi_role: true,
            partition_aware: rng.chance(500),
            task_killing_state: rng.chance(500),
            ..Capabilities::default()
        },
        failover_timeout,
        checkpoint: true,
        principal: String::new(),
        hostname: String::new(),
        webui_url: String::new(),
        payload: bytes::Bytes::new(),
    }
}
