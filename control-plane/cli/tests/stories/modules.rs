use crate::support::Place;

const DOES_NOTHING: &str = r#"(module (func (export "_start")))"#;

#[test]
fn modules_come_and_go() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let file = place.file("nothing.wat", DOES_NOTHING);
    let file = file.to_str().unwrap();
    let digest = dev.ok(&["module", "push", file]);
    let digest = digest.trim_end();
    assert_eq!(digest.len(), "sha256:".len() + 64, "{digest}");
    let again = dev.json(&["module", "push", "--name", "other", file]);
    assert_eq!(
        (&again["digest"], &again["existed"]),
        (&digest.into(), &true.into())
    );

    let listed = dev.json(&["module", "ls"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["name"], "other");
    let table = dev.ok(&["module", "ls"]);
    assert!(
        table.contains(&digest[7..19]) && table.contains("core"),
        "{table}"
    );

    let said = dev.insula(&["module", "rm", "ffff"]).run().refused(1);
    assert!(said.contains("there is no module 'ffff'"), "{said}");
    let removed = dev.insula(&["module", "rm", &digest[7..15]]).run();
    assert_eq!(removed.stderr, format!("removed {digest}\n"));
    assert_eq!(dev.ok(&["module", "ls"]).lines().count(), 1);
}

#[test]
fn what_cannot_run_is_refused_with_the_reason_and_the_files_name() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let refused = |name: &str, contents: &str| {
        let file = place.file(name, contents);
        let said = dev
            .insula(&["run", file.to_str().unwrap()])
            .run()
            .refused(1);
        assert!(
            said.starts_with(&format!("error: {}: ", file.display())),
            "{said}"
        );
        said
    };
    assert!(refused("text.wasm", "hello").contains("is not a Wasm module"));
    assert!(refused("empty.wasm", "").contains("is not a Wasm module"));
    assert!(refused("typo.wat", "(module (fnuc))").contains("fnuc"));
    assert!(refused("library.wat", "(module)").contains("_start"));
    let alien = r#"(module (import "alien" "probe" (func)) (func (export "_start")))"#;
    assert!(refused("alien.wat", alien).contains("alien"));

    let missing = place.path().join("missing.wasm");
    let said = dev
        .insula(&["run", missing.to_str().unwrap()])
        .run()
        .refused(1);
    assert!(said.contains("missing.wasm: No such file"), "{said}");
    let none = dev.json(&["ps", "--all"]);
    assert_eq!(none.as_array().unwrap().len(), 0, "{none}");
}
