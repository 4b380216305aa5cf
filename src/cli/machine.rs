//! The machine as it is: environment, network, randomness, clock, signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::http::{NamedRoots, RealTransport, Transport};
use crate::report::{self, Level};
use crate::run::{Setup, SystemClock, Witness, World};
use crate::runner::Runner;

/// The environment and the network as they are.
pub(super) fn setup(offline: bool) -> Setup {
    let roots = NamedRoots { file: variable("SSL_CERT_FILE"), folders: variable("SSL_CERT_DIR") };
    Setup {
        environment: Arc::new(variable),
        carrier: Arc::new(move |private| Ok(Arc::new(RealTransport::new(private, &roots)?) as Arc<dyn Transport>)),
        random: Arc::new(random),
        offline,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn is_blank(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value.trim().is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn is_off(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| ["false", "no", "off", "0"].contains(&value.trim().to_lowercase().as_str()))
}

fn random(buffer: &mut [u8]) {
    if let Err(error) = getrandom::fill(buffer) {
        log::error!("the system gives no random bytes: {error}");
    }
}

/// The machine as it is.
pub(super) fn world(runner: &Arc<Runner>) -> World {
    let stop = Arc::new(AtomicBool::new(false));
    listen(&stop);
    World {
        clock: Arc::new(SystemClock),
        random: Arc::new(random),
        holder: runner.holder().unwrap_or_else(|| format!("process {}", std::process::id())),
        witness: Arc::clone(runner) as Arc<dyn Witness>,
        stop,
    }
}

/// Leaves no image of the memory behind. A limit of zero would still let the kernel pipe one to a program, and of one it
/// refuses both: see `core_pattern` in core(5). It is not made undumpable (prctl), for then whoever is not root could no
/// longer hand a config or a credential over by `/dev/fd/N`.
pub(super) fn leave_no_core() {
    let limit = rustix::process::Rlimit { current: Some(1), maximum: Some(1) };
    // Where it cannot be lowered it is lower already.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, limit);
}

/// A signal lets the rotations in hand come to their end, and none begins after it.
fn listen(stop: &Arc<AtomicBool>) {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (Ok(mut signals), stop) = (signal(kind), Arc::clone(stop)) else { continue };
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                stop.store(true, Ordering::Relaxed);
                report::narrate("stopping: no new rotation is begun; those in hand come to their end");
            }
        });
    }
}

/// A panic is a bug, and ends the program with the code of one. What the panic itself says is not repeated: it may quote
/// a text that was being cut, and such a text may be a value.
pub(super) fn end_on_a_bug() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        report::narrate(&format!(
            "fatal: this is a bug{}; what was begun may stand half done, and the next run finds out: please report it, with \
             the version and this line",
            place.unwrap_or_default()
        ));
        #[expect(clippy::exit, reason = "there is nothing to go back to")]
        std::process::exit(i32::from(Level::Bug.code()));
    }));
}
