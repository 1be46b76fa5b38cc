//! A process as OpenTelemetry's resource.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;

use onlooker_pipeline::span::{Attributes, Resource};
use uuid::Uuid;

use super::inspect::{self, Inspection};
use super::naming;
use crate::baggage;

/// Workers whose parents are workers: a fork server and what it forks.
const WORKERS_DEEP: u32 = 4;

/// The namespace of `service.instance.id`, given by the semantic conventions.
const INSTANCE_NAMESPACE: Uuid = Uuid::from_u128(0x4d63_009a_8d0f_11ee_aad7_4c79_6ed8_e320);

/// Builds the resource of a process; `comm` is the kernel's short name of it, for when /proc could
/// not be read in time.
pub(crate) fn resource(pid: u32, inspection: &Inspection, comm: &str) -> Arc<Resource> {
    let variable = |name: &str| {
        let value = inspection.environment.iter().find(|(key, _)| *key == name)?.1;
        value.to_str().filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let own = variable("OTEL_RESOURCE_ATTRIBUTES").and_then(|text| baggage::pairs(&text));
    let mut own = own.unwrap_or_default();
    let service = variable("OTEL_SERVICE_NAME")
        .or_else(|| take(&mut own, "service.name"))
        .or_else(|| {
            let known = !inspection.cmdline.is_empty() || inspection.exe.is_some();
            let name = program_name(inspection, inspect::inspect, WORKERS_DEEP);
            name.or_else(|| (!known && !comm.is_empty()).then(|| comm.to_owned()))
        })
        .unwrap_or_else(|| {
            let exe = inspection.exe.as_deref().and_then(Path::file_name);
            let exe = exe.map_or(Cow::Borrowed(comm), |exe| exe.to_string_lossy());
            if exe.is_empty() {
                "unknown_service".to_owned()
            } else {
                format!("unknown_service:{exe}")
            }
        });
    let host = host();
    let mut attributes = Attributes::default();
    attributes.set("service.name", service.clone());
    let instance =
        take(&mut own, "service.instance.id").unwrap_or_else(|| instance(pid, inspection.started));
    attributes.set("service.instance.id", instance);
    attributes.set("process.pid", i64::from(pid));
    if let Some(exe) = &inspection.exe {
        if let Some(name) = exe.file_name() {
            attributes.set("process.executable.name", name.to_string_lossy().into_owned());
        }
        attributes.set("process.executable.path", exe.to_string_lossy().into_owned());
    }
    if !host.name.is_empty() && take_same(&own, "host.name").is_none() {
        attributes.set("host.name", host.name.clone());
    }
    if !host.id.is_empty() && take_same(&own, "host.id").is_none() {
        attributes.set("host.id", host.id.clone());
    }
    attributes.set_some("container.id", inspection.container.clone());
    attributes.set("os.type", "linux");
    set_sdk(&mut attributes);
    for (key, value) in own {
        if attributes.get(&key).is_none() {
            attributes.0.push((Cow::Owned(key), value.into()));
        }
    }
    Arc::new(Resource { service, attributes })
}

/// The resource of something that is known by its name alone.
pub(crate) fn of_name(service: &str) -> Resource {
    let mut attributes = Attributes::default();
    attributes.set("service.name", service.to_owned());
    set_sdk(&mut attributes);
    Resource { service: service.to_owned(), attributes }
}

/// Who made the spans, which the specification wants on every resource.
fn set_sdk(attributes: &mut Attributes) {
    attributes.set("telemetry.sdk.name", "onlooker");
    attributes.set("telemetry.sdk.language", "rust");
    attributes.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
}

/// The name of what a process runs. A worker that was started to run its parent's code has the parent's, if that
/// runs the same interpreter still (an orphan's parent is some other program).
fn program_name(
    of: &Inspection,
    inspect: impl Fn(u32) -> Inspection + Copy,
    deep: u32,
) -> Option<String> {
    if !naming::is_worker(&of.cmdline) {
        return naming::service_name(of.exe.as_deref(), &of.cmdline, of.cwd.as_deref());
    }
    let parent = (deep > 0 && of.parent > 1).then(|| inspect(of.parent))?;
    (parent.file == of.file).then(|| program_name(&parent, inspect, deep - 1))?
}

/// The resource of a child that was forked and is gone before it was looked at. It ran what its parent, which
/// started at `started`, runs.
pub(crate) fn of_child(
    child: u32,
    parent: u32,
    started: u64,
    resource: &Resource,
) -> Arc<Resource> {
    let mut attributes = resource.attributes.clone();
    let own = instance(parent, started);
    for (name, value) in &mut attributes.0 {
        match &**name {
            "process.pid" => *value = i64::from(child).into(),
            "service.instance.id" if *value == own.clone().into() => {
                *value = instance(child, started).into();
            }
            _ => {}
        }
    }
    Arc::new(Resource { service: resource.service.clone(), attributes })
}

/// `service.instance.id` of a process that does not name its own.
fn instance(pid: u32, started: u64) -> String {
    let unique = format!("{}:{pid}:{started}", host().id);
    Uuid::new_v5(&INSTANCE_NAMESPACE, unique.as_bytes()).to_string()
}

fn take(from: &mut Vec<(String, String)>, key: &str) -> Option<String> {
    let at = from.iter().position(|(name, _)| name == key)?;
    Some(from.swap_remove(at).1).filter(|value| !value.is_empty())
}

fn take_same<'a>(from: &'a [(String, String)], key: &str) -> Option<&'a str> {
    from.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

#[derive(Debug)]
struct Host {
    name: String,
    id: String,
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host {
        name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        id: std::fs::read_to_string("/etc/machine-id").unwrap_or_default().trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(environment: &[(&str, &str)]) -> Arc<Resource> {
        let environment =
            environment.iter().map(|&(key, value)| (key.into(), value.into())).collect();
        let exe = Some("/usr/bin/shop".into());
        resource(7, &Inspection { exe, environment, ..Inspection::default() }, "shop")
    }

    #[test]
    fn service_name_by_the_order_of_the_specification() {
        assert_eq!(with(&[]).service, "shop");
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from%20list,team=a");
        assert_eq!(with(&[attributes]).service, "from list");
        assert_eq!(with(&[attributes, ("OTEL_SERVICE_NAME", "first")]).service, "first");
        let other = with(&[attributes]);
        assert_eq!(other.attributes.get("team"), Some(&"a".to_owned().into()));
    }

    #[test]
    fn a_child_that_is_gone_is_what_its_parent_is() {
        let parent = with(&[]);
        let child = of_child(8, 7, 0, &parent);
        assert_eq!(child.service, "shop");
        assert_eq!(child.attributes.get("process.pid"), Some(&8_i64.into()));
        assert_eq!(
            child.attributes.get("process.executable.path"),
            parent.attributes.get("process.executable.path")
        );
        let instance = |resource: &Resource| {
            resource.attributes.get("service.instance.id").cloned().expect("an id")
        };
        assert_ne!(instance(&child), instance(&parent));
        let named = with(&[("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=one")]);
        assert_eq!(instance(&of_child(8, 7, 0, &named)), "one".to_owned().into());
    }

    #[test]
    fn a_worker_is_named_after_what_its_parent_runs() {
        let process = |pid: u32| {
            let (parent, cmdline, file): (u32, &[&str], &str) = match pid {
                9 => {
                    (8, &["python3", "-c", "from multiprocessing.spawn import spawn_main; x"], "a")
                }
                8 => (7, &["python3", "-c", "from multiprocessing.forkserver import main; x"], "a"),
                7 => (1, &["python3", "/usr/bin/uvicorn", "shop:app", "--workers", "2"], "a"),
                6 => {
                    (5, &["python3", "-c", "from multiprocessing.spawn import spawn_main; x"], "a")
                }
                5 => (1, &["supervisor", "x"], "b"),
                _ => {
                    (4, &["python3", "-c", "from multiprocessing.spawn import spawn_main; x"], "a")
                }
            };
            let cmdline = cmdline.iter().map(|&argument| argument.to_owned()).collect();
            let (exe, file) = (Some("/usr/bin/python3".into()), Some(file.into()));
            Inspection { exe, file, cmdline, parent, ..Inspection::default() }
        };
        let name = |pid| program_name(&process(pid), process, WORKERS_DEEP);
        assert_eq!(name(7).as_deref(), Some("shop"));
        assert_eq!(name(8).as_deref(), Some("shop"));
        assert_eq!(name(9).as_deref(), Some("shop"));
        assert_eq!(name(6), None, "its parent is gone");
        assert_eq!(name(4), None, "and this never ends");
    }

    #[test]
    fn one_error_discards_the_whole_variable() {
        for broken in ["service.name=a,b", "service.name=%zz", "=x,service.name=a"] {
            assert_eq!(with(&[("OTEL_RESOURCE_ATTRIBUTES", broken)]).service, "shop", "{broken}");
        }
    }

    #[test]
    fn a_process_that_was_gone_has_the_kernels_name() {
        assert_eq!(resource(7, &Inspection::default(), "curl").service, "curl");
        assert_eq!(resource(7, &Inspection::default(), "").service, "unknown_service");
    }
}
