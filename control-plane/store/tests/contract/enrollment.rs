//! Who may join, and who has.

use insula_store::{Admission, AgentIdentity, Authority, EnrollmentToken};
use insula_types::{AgentId, Time};

use crate::site::{Site, cell};

fn token(uses_max: u32) -> EnrollmentToken {
    EnrollmentToken {
        hash: [7; 32],
        cell: cell(),
        uses_max,
        used: 0,
        created_at: Time(1),
        expires_at: Time(100),
    }
}

fn identity(agent: &str) -> AgentIdentity {
    AgentIdentity {
        agent: AgentId::from(agent),
        cell: cell(),
        checkpoint: "checkpoint".into(),
        key_fingerprint: [9; 32],
        certificate_serial: vec![0, 1, 2],
        certificate_expires_at: Time(1_000),
        enrolled_at: Time(50),
        revoked_at: None,
    }
}

#[tokio::test]
async fn a_token_admits_as_many_machines_as_it_says() {
    for site in Site::all() {
        let store = site.open().await;
        let token = token(2);
        store.add_token(&token).await.unwrap();
        for (agent, expected) in [
            ("1", Admission::Admitted),
            ("2", Admission::Admitted),
            ("3", Admission::UsedUp),
        ] {
            let admission = store
                .admit(&token.hash, &identity(agent), Time(50))
                .await
                .unwrap();
            assert_eq!(admission, expected);
        }
        assert_eq!(
            store.identity(&"2".into()).await.unwrap(),
            Some(identity("2"))
        );
        assert_eq!(store.identity(&"3".into()).await.unwrap(), None);
        assert_eq!(store.token(&token.hash).await.unwrap().unwrap().used, 2);
    }
}

#[tokio::test]
async fn two_machines_that_come_at_once_do_not_share_a_use() {
    let store = Site::durable().open().await;
    let token = token(1);
    store.add_token(&token).await.unwrap();
    let (one, two) = (identity("1"), identity("2"));
    let (one, two) = tokio::join!(
        store.admit(&token.hash, &one, Time(50)),
        store.admit(&token.hash, &two, Time(50)),
    );
    let mut admissions = [one.unwrap(), two.unwrap()];
    admissions.sort_by_key(|admission| *admission != Admission::Admitted);
    assert_eq!(admissions, [Admission::Admitted, Admission::UsedUp]);
}

#[tokio::test]
async fn a_token_that_is_unknown_expired_or_of_another_cell_admits_nobody() {
    for site in Site::all() {
        let store = site.open().await;
        let token = token(5);
        store.add_token(&token).await.unwrap();
        let unknown = store
            .admit(&[1; 32], &identity("1"), Time(50))
            .await
            .unwrap();
        assert_eq!(unknown, Admission::Unknown);
        let expired = store
            .admit(&token.hash, &identity("1"), Time(100))
            .await
            .unwrap();
        assert_eq!(expired, Admission::Expired);
        let elsewhere = AgentIdentity {
            cell: "elsewhere".into(),
            ..identity("1")
        };
        let foreign = store
            .admit(&token.hash, &elsewhere, Time(50))
            .await
            .unwrap();
        assert_eq!(foreign, Admission::Unknown);
        assert_eq!(store.identity(&"1".into()).await.unwrap(), None);
        assert_eq!(store.token(&token.hash).await.unwrap(), Some(token));
    }
}

#[tokio::test]
async fn an_id_that_is_taken_spends_nothing() {
    for site in Site::all() {
        let store = site.open().await;
        let token = token(5);
        store.add_token(&token).await.unwrap();
        store
            .admit(&token.hash, &identity("1"), Time(50))
            .await
            .unwrap();
        assert!(
            store
                .admit(&token.hash, &identity("1"), Time(50))
                .await
                .is_err()
        );
        assert_eq!(store.token(&token.hash).await.unwrap().unwrap().used, 1);
    }
}

#[tokio::test]
async fn a_revoked_agent_stays_revoked_since_the_first_time() {
    for site in Site::all() {
        let store = site.open().await;
        store.add_token(&token(1)).await.unwrap();
        store
            .admit(&[7; 32], &identity("1"), Time(50))
            .await
            .unwrap();
        assert!(store.revoke(&"1".into(), Time(60)).await.unwrap());
        assert!(store.revoke(&"1".into(), Time(70)).await.unwrap());
        assert!(!store.revoke(&"2".into(), Time(70)).await.unwrap());
        let revoked = store.identity(&"1".into()).await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(Time(60)));
    }
}

#[tokio::test]
async fn the_first_authority_of_a_name_is_kept_and_its_key_is_never_printed() {
    for site in Site::all() {
        let store = site.open().await;
        let first = Authority {
            name: "service".to_owned(),
            cell: None,
            certificate: vec![1],
            private_key: vec![201, 202, 203],
            created_at: Time(1),
        };
        let second = Authority {
            certificate: vec![2],
            cell: Some(cell()),
            ..first.clone()
        };
        assert_eq!(store.keep_authority(&first).await.unwrap(), first);
        assert_eq!(store.keep_authority(&second).await.unwrap(), first);
        assert_eq!(store.authority("other").await.unwrap(), None);
        assert!(!format!("{first:?}").contains("201"));
    }
}
