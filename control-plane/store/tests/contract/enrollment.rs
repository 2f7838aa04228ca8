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
        key_fingerprint: [agent.as_bytes()[0]; 32],
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
    for site in Site::durable() {
        let store = site.open().await;
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
        let admission = store.admit(&token.hash, &identity("1"), Time(50)).await;
        assert_eq!(admission.unwrap(), Admission::Admitted);
        let other = AgentIdentity {
            agent: "1".into(),
            ..identity("2")
        };
        assert!(store.admit(&token.hash, &other, Time(50)).await.is_err());
        assert_eq!(store.token(&token.hash).await.unwrap().unwrap().used, 1);
        assert_eq!(
            store.identity(&"1".into()).await.unwrap(),
            Some(identity("1"))
        );
    }
}

#[tokio::test]
async fn a_machine_whose_answer_was_lost_joins_once_though_its_token_is_used_up() {
    for site in Site::all() {
        let store = site.open().await;
        let token = token(1);
        store.add_token(&token).await.unwrap();
        let admission = store.admit(&token.hash, &identity("1"), Time(50)).await;
        assert_eq!(admission.unwrap(), Admission::Admitted);

        let again = AgentIdentity {
            agent: "fresh".into(),
            certificate_serial: vec![3, 4],
            certificate_expires_at: Time(2_000),
            ..identity("1")
        };
        let admission = store.admit(&token.hash, &again, Time(60)).await;
        assert_eq!(admission.unwrap(), Admission::Joined("1".into()));
        assert_eq!(
            store.identity(&"1".into()).await.unwrap(),
            Some(identity("1")),
            "nothing has changed"
        );
        assert_eq!(store.identity(&"fresh".into()).await.unwrap(), None);

        let again = AgentIdentity {
            agent: "1".into(),
            enrolled_at: Time(60),
            ..again
        };
        let admission = store.admit(&token.hash, &again, Time(60)).await;
        assert_eq!(admission.unwrap(), Admission::Admitted);
        let kept = AgentIdentity {
            enrolled_at: Time(50),
            ..again.clone()
        };
        assert_eq!(store.identity(&"1".into()).await.unwrap(), Some(kept));
        assert_eq!(store.token(&token.hash).await.unwrap().unwrap().used, 1);

        let late = store.admit(&token.hash, &again, Time(100)).await;
        assert_eq!(late.unwrap(), Admission::Expired);
    }
}

#[tokio::test]
async fn another_key_or_directory_is_another_machine() {
    for site in Site::all() {
        let store = site.open().await;
        let token = token(1);
        store.add_token(&token).await.unwrap();
        let admission = store.admit(&token.hash, &identity("1"), Time(50)).await;
        assert_eq!(admission.unwrap(), Admission::Admitted);
        let other_key = AgentIdentity {
            agent: "2".into(),
            key_fingerprint: [8; 32],
            ..identity("1")
        };
        let other_directory = AgentIdentity {
            agent: "2".into(),
            checkpoint: "elsewhere".into(),
            ..identity("1")
        };
        for other in [other_key, other_directory] {
            let admission = store.admit(&token.hash, &other, Time(50)).await;
            assert_eq!(admission.unwrap(), Admission::UsedUp);
        }
    }
}

#[tokio::test]
async fn a_machine_that_was_shut_out_does_not_join_again_with_its_key() {
    for site in Site::all() {
        let store = site.open().await;
        let token = token(5);
        store.add_token(&token).await.unwrap();
        let admission = store.admit(&token.hash, &identity("1"), Time(50)).await;
        assert_eq!(admission.unwrap(), Admission::Admitted);
        store.revoke(&"1".into(), Time(60)).await.unwrap();
        for agent in ["1", "2"] {
            let again = AgentIdentity {
                agent: agent.into(),
                ..identity("1")
            };
            let admission = store.admit(&token.hash, &again, Time(70)).await;
            assert_eq!(admission.unwrap(), Admission::Revoked);
        }
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
