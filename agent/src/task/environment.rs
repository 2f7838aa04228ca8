//! The variables that a task finds.

use std::collections::BTreeMap;
use std::path::Path;

use insula_proto::mesos::v1::Environment;
use insula_types::message::Launch;

/// The framework's variables, and those that every task has: where it is, and which one it is.
/// `sandbox` is the directory as the task sees it.
///
/// # Errors
/// A sentence, if a variable is a secret: there is nobody to ask for its value yet.
pub(crate) fn environment(
    launch: &Launch,
    sandbox: &Path,
    given: Option<&Environment>,
) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    for variable in given.map_or(&[][..], |given| &given.variables) {
        let name = &variable.name;
        if variable.secret.is_some() {
            return Err(format!(
                "the variable {name} is a secret, which is not supported yet"
            ));
        }
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!(
                "'{}' cannot be the name of a variable",
                name.escape_debug()
            ));
        }
        variables.insert(name.clone(), variable.value().to_owned());
    }
    let sandbox = sandbox.to_string_lossy();
    let own = [
        ("MESOS_SANDBOX", sandbox.as_ref()),
        ("MESOS_DIRECTORY", sandbox.as_ref()),
        ("MESOS_TASK_ID", launch.task.as_str()),
        ("MESOS_FRAMEWORK_ID", launch.framework.framework.as_str()),
        ("INSULA_SANDBOX", sandbox.as_ref()),
        ("INSULA_TASK_ID", launch.task.as_str()),
        ("INSULA_FRAMEWORK_ID", launch.framework.framework.as_str()),
        ("INSULA_LAUNCH_ID", &launch.launch.to_string()),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let trace = [
        ("TRACEPARENT", launch.trace.traceparent()),
        ("TRACESTATE", launch.trace.tracestate().to_owned()),
    ];
    let present = trace.into_iter().filter(|(_, value)| !value.is_empty());
    variables.extend(present.map(|(name, value)| (name.to_owned(), value)));
    Ok(variables)
}
