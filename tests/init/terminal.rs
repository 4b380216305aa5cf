//! The questions at a real terminal: what is typed is taken, and who stops leaves nothing behind.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::stage::Stage;

/// The binary at a terminal, and the hand at the keyboard.
struct Session {
    child: Child,
    keyboard: File,
    /// All that the terminal showed.
    shown: std::sync::mpsc::Receiver<String>,
    seen: String,
}

impl Session {
    fn start(stage: &Stage, args: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let open = || OwnedFd::from(File::options().read(true).write(true).open(&name).unwrap());
        let mut command = stage.command("", args);
        command.stdin(Stdio::from(open())).stdout(Stdio::from(open())).stderr(Stdio::from(open()));
        let child = command.spawn().unwrap();
        let keyboard = File::from(keyboard);
        let mut screen = keyboard.try_clone().unwrap();
        let (send, shown) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end of the last one who has the terminal open is an error here.
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                let more = buffer.iter().take(read).copied().collect::<Vec<u8>>();
                if send.send(String::from_utf8_lossy(&more).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, shown, seen: String::new() }
    }

    /// Waits until the terminal shows this.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.shown.recv_timeout(Duration::from_secs(30)) {
                Ok(more) => self.seen.push_str(&more),
                Err(error) => panic!("it never showed `{text}` ({error}):\n{}", self.seen),
            }
        }
    }

    #[track_caller]
    fn answer(&mut self, question: &str, line: &str) {
        self.wait_for(question);
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }

    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        while let Ok(more) = self.shown.recv_timeout(Duration::from_millis(300)) {
            self.seen.push_str(&more);
        }
        (code, self.seen)
    }
}

fn stage() -> Stage {
    Stage::of("git@gitlab.com:acme/app.git")
}

#[test]
fn what_is_typed_is_what_is_written() {
    let stage = stage();
    let mut session = Session::start(&stage, &["init"]);
    session.answer("by number or name [gitlab/project-access-token]: ", "3\n");
    session.answer("how often the schedule runs [12h]: ", "6h\n");
    session.answer("whom to ask about these tokens, such as @platform [none]: ", "@support\n");
    session.answer("only watch at first, and change nothing [yes]: ", "n\n");
    let (code, shown) = session.end();
    assert_eq!(code, Some(0), "{shown}");
    let written = stage.read("tokenwheel.yml");
    for line in ["kind: gitlab/deploy-token\n", "every: 6h ", "owner: \"@support\"\n"] {
        assert!(written.contains(line), "{line}:\n{written}");
    }
    assert!(!written.contains("rotate: watch"), "{written}");
}

#[test]
fn a_signal_in_the_middle_of_the_questions_writes_nothing() {
    let stage = stage();
    let mut session = Session::start(&stage, &["init"]);
    session.answer("by number or name", "\n");
    session.wait_for("how often the schedule runs");
    let pid = Pid::from_child(&session.child);
    // Not an interrupt: whoever starts these tests in the background has that one ignored.
    kill_process(pid, Signal::TERM).unwrap();
    let (code, shown) = session.end();
    assert_eq!(code, None, "a signal ends it: {shown}");
    assert_eq!(stage.files(), Vec::<String>::new());
}

#[test]
fn the_end_of_the_input_in_the_middle_writes_nothing() {
    let stage = stage();
    let mut session = Session::start(&stage, &["init"]);
    session.answer("by number or name", "\n");
    session.answer("how often the schedule runs", "\u{4}");
    let (code, shown) = session.end();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("fatal: nothing was written"), "{shown}");
    assert_eq!(stage.files(), Vec::<String>::new());
}

#[test]
fn at_a_terminal_with_yes_nothing_is_asked() {
    let stage = stage();
    let (code, shown) = Session::start(&stage, &["init", "--yes"]).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("]: "), "{shown}");
    assert_eq!(stage.files(), [".gitlab-ci.yml", "tokenwheel.yml"]);
}
