//! A folder, a repository in it, and the built binary with nothing else in its environment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A password as it may stand in a remote. Nothing that is printed or written ever holds it.
pub(crate) const PASSWORD: &str = "glpat-hunter2hunter2";

pub(crate) struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// A folder that is no repository.
    pub(crate) fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A repository with this remote.
    pub(crate) fn of(remote: &str) -> Self {
        let stage = Self::bare();
        stage.git(&["init", "--quiet"]);
        stage.git(&["remote", "add", "origin", remote]);
        stage
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Git with no settings but the repository's own.
    pub(crate) fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        git.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GIT_CONFIG_NOSYSTEM", "1");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        let said = git.arg("-C").arg(self.root()).args(args).output().unwrap();
        assert!(said.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&said.stderr));
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file but git's, by its path, the first one first.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        below(self.root(), self.root(), &mut found);
        found.sort();
        found
    }

    pub(crate) fn command(&self, folder: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenwheel"));
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.current_dir(self.path(folder)).args(args).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in("", args)
    }

    /// The same where a link leads nowhere, so that not every file can be read; it must be refused.
    pub(crate) fn run_link(&self, args: &[&str]) -> String {
        let output = self.command("", args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn run_in(&self, folder: &str, args: &[&str]) -> Ran {
        self.ran(&self.command(folder, args).output().unwrap())
    }

    pub(crate) fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ran = Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        let written: String = self.files().iter().map(|name| self.read(name)).collect();
        assert!(!ran.to_string().contains("hunter2") && !written.contains("hunter2"), "a password is shown:\n{ran}");
        ran
    }
}

fn below(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_name() == ".git" {
            continue;
        }
        if path.is_dir() {
            below(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

/// What a run printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        write!(f, "exit: {code}\n── stdout ──\n{}── stderr ──\n{}", self.out, self.err)
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// That it was refused, with these words, and nothing on stdout.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(2), ""), "{self}");
        assert!(self.err.starts_with("fatal: nothing was written\n"), "{self}");
        self.err.trim_start_matches("fatal: nothing was written\n").trim_end().to_owned()
    }
}
