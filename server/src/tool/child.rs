//! A server of one's own for a tool: the same binary as a child process, on free loopback ports.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::client::Target;
use super::{Result, ToolError};

/// A running child server. Dropping it kills the process; [`ServerProcess::stop`] ends it in order.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// How to connect to its Postgres wire.
    pub target: Target,
    /// Address of its Flight SQL endpoint, `host:port`.
    pub flight: String,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Greatest resident size, in bytes.
    pub peak_memory: u64,
}

impl ServerProcess {
    /// Starts this program's own `serve`; see [`ServerProcess::start`].
    pub async fn start_own(root: &Path, files: &Path) -> Result<Self> {
        let program = std::env::current_exe().map_err(ToolError::while_doing("cannot find this program"))?;
        Self::start(&program, root, files).await
    }

    /// Starts `program serve` on `root`, letting COPY read below `files`, and waits for its ready line.
    ///
    /// The password of the superuser is made at the first start and kept beside the root, in `<root>.password`.
    pub async fn start(program: &Path, root: &Path, files: &Path) -> Result<Self> {
        let (pg, flight, http) = (free_port()?, free_port()?, free_port()?);
        let password = password_beside(root)?;
        let mut child = Command::new(program)
            .arg("serve")
            .args(["--root", &root.display().to_string()])
            .args(["--pg", &format!("127.0.0.1:{pg}")])
            .args(["--flight", &format!("127.0.0.1:{flight}")])
            .args(["--http", &format!("127.0.0.1:{http}")])
            .args(["--copy-directories", &files.display().to_string()])
            .env("STOA_ADMIN_PASSWORD", &password)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(ToolError::while_doing("cannot start the server"))?;
        let stdout = child.stdout.take().ok_or_else(|| ToolError::new("the server has no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.map_err(ToolError::while_doing("reading the server's output"))? {
            if line == "stoa ready" {
                tokio::spawn(async move { while matches!(lines.next_line().await, Ok(Some(_))) {} });
                let target = Target {
                    host: "127.0.0.1".to_owned(),
                    port: pg,
                    user: "admin".to_owned(),
                    database: "dev".to_owned(),
                    password,
                };
                return Ok(Self { child, target, flight: format!("127.0.0.1:{flight}") });
            }
        }
        let status = child.wait().await.map_err(ToolError::while_doing("waiting for the server"))?;
        Err(ToolError::new(format!("the server stopped before it was ready ({status})")))
    }

    /// What the server has used so far; zero where the platform does not tell.
    pub fn usage(&self) -> Usage {
        self.child.id().map(usage_of).unwrap_or_default()
    }

    /// Kills the server as a crash would (SIGKILL) and waits until it is gone.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.map_err(ToolError::while_doing("cannot kill the server"))
    }

    /// Asks the server to stop and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(id) = self.child.id() {
            let asked = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
            asked.map_err(ToolError::while_doing("cannot signal the server"))?;
        }
        let status = self.child.wait().await.map_err(ToolError::while_doing("waiting for the server"))?;
        if status.success() { Ok(()) } else { Err(ToolError::new(format!("the server ended with {status}"))) }
    }
}

/// The password kept in `<root>.password`, made on first use and readable by its owner only.
fn password_beside(root: &Path) -> Result<String> {
    use std::os::unix::fs::OpenOptionsExt;

    let path = root.with_extension("password");
    let complain = || ToolError::while_doing(path.display());
    if path.exists() {
        return Ok(std::fs::read_to_string(&path).map_err(complain())?.trim().to_owned());
    }
    let password = uuid::Uuid::new_v4().simple().to_string();
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(complain())?;
    file.write_all(password.as_bytes()).map_err(complain())?;
    Ok(password)
}

/// A loopback port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener =
        std::net::TcpListener::bind("127.0.0.1:0").map_err(ToolError::while_doing("no free loopback port"))?;
    Ok(listener.local_addr().map_err(ToolError::while_doing("no free loopback port"))?.port())
}

/// Reads `/proc` (Linux): user and system ticks are 10 ms each on every Linux that Rust supports.
fn usage_of(process: u32) -> Usage {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses and may hold spaces: count from after it.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u32 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak_kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or_default();
    Usage { cpu: TICK * ticks, peak_memory: peak_kib * 1024 }
}

/// Size of all files below a directory, in bytes.
pub fn directory_bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => directory_bytes(&entry.path()),
            Ok(_) => entry.metadata().map(|metadata| metadata.len()).unwrap_or_default(),
            Err(_) => 0,
        })
        .sum()
}
