//! What the database refuses of one cell costs the others of its partition nothing (rule R11).

use insula_kernel::Outcome;
use insula_server::partition::{Handle, Stage};
use insula_server::replica::Owner;
use insula_types::{CellId, PartitionId};

use crate::site::{DEADLINE, LONG, Member, Site, roles, set_role, try_set_role};

const PARTITION: PartitionId = PartitionId(0);

/// Two cells of one partition, and a role that the database does not take.
struct Two {
    member: Member,
    guilty: CellId,
    innocent: CellId,
}

impl Two {
    async fn new(site: &Site) -> Self {
        let member = site.replica().await;
        member.serves(1).await;
        let [guilty, innocent] = ["guilty", "innocent"].map(CellId::from);
        for cell in [&guilty, &innocent] {
            member.store.add_cell(cell, Some(PARTITION)).await.unwrap();
            set_role(&member.handle(cell).await, "t/before").await;
        }
        let refuse = "ALTER TABLE role ADD CONSTRAINT no_poison CHECK (path <> 't/poison')";
        site.database.execute(refuse);
        Self {
            member,
            guilty,
            innocent,
        }
    }

    async fn handles(&self) -> (Handle, Handle) {
        let guilty = self.member.handle(&self.guilty).await;
        (guilty, self.member.handle(&self.innocent).await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guilty_cell_alone_is_loaded_anew_under_the_same_epoch() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let two = Two::new(&site).await;
    let (guilty, innocent) = two.handles().await;
    let Owner::Here(port) = two.member.owners.of(PARTITION) else {
        panic!("the replica does not serve");
    };
    let epoch = port.epoch();

    // All under way together, so that they share commits.
    let innocents: Vec<_> = (0..50)
        .map(|number| {
            let handle = innocent.clone();
            tokio::spawn(async move { try_set_role(&handle, &format!("t/{number:02}")).await })
        })
        .collect();
    let refused = try_set_role(&guilty, "t/poison").await.unwrap_err();
    assert!(!refused.uncertain, "{refused}");
    for asked in innocents {
        assert_eq!(asked.await.unwrap(), Ok(Outcome::Accepted));
    }
    set_role(&guilty, "t/after").await;
    let store = &two.member.store;
    assert_eq!(roles(store, &two.guilty).await, ["t/after", "t/before"]);
    assert_eq!(roles(store, &two.innocent).await.len(), 51);
    assert_eq!(port.epoch(), epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_fails_again_and_again_is_quarantined_with_the_reason() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let two = Two::new(&site).await;
    let (guilty, innocent) = two.handles().await;
    let quarantined = async {
        loop {
            let refused = try_set_role(&guilty, "t/poison").await.unwrap_err();
            let reason = refused.reason.unwrap_or_default();
            if reason.contains("quarantined") {
                return reason;
            }
        }
    };
    let reason = tokio::time::timeout(DEADLINE, quarantined).await.unwrap();
    assert!(reason.contains("no_poison"), "{reason}");
    assert_eq!(
        try_set_role(&innocent, "t/still").await,
        Ok(Outcome::Accepted)
    );
    let shown = async {
        loop {
            let status = two.member.owners.status();
            let mut cells = status.iter().flat_map(|partition| &partition.cells);
            let is_it = |stage: &Stage| matches!(stage, Stage::Quarantined(_));
            if cells.any(|status| status.cell == two.guilty && is_it(&status.stage)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, shown).await.unwrap();
}
