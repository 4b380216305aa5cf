//! The disk on which a wheel keeps its ledger and its lease: in memory, and as mortal as the run that uses it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokenwheel::shelf::{Created, Shelf};
use tokio::time::sleep;

use crate::stage::{Kept, Running, Stage, lock};

/// A disk, as one run sees it.
pub struct Disk {
    /// Where it is.
    pub stage: Arc<Stage>,
    /// Which of them.
    pub number: usize,
    /// Who uses it.
    pub run: Arc<Running>,
}

impl Disk {
    /// A run can die before a write and after it.
    async fn reach<R>(&self, act: impl FnOnce(&mut Kept) -> R) -> R {
        self.pass().await;
        let done = self.stage.disks.get(self.number).map(|disk| act(&mut lock(disk)));
        self.pass().await;
        match done {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    async fn pass(&self) {
        sleep(Duration::from_millis(1)).await;
        if self.run.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    fn full(&self) -> anyhow::Result<()> {
        if self.run.weather.disk_full {
            self.run.struck.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            anyhow::bail!("No space left on device (os error 28)");
        }
        Ok(())
    }
}

#[async_trait]
impl Shelf for Disk {
    fn address(&self) -> String {
        "file ledger.json".to_owned()
    }

    fn room(&self) -> Option<usize> {
        None
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        Ok(self.reach(|kept| kept.texts.get(part).cloned()).await)
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        self.full()?;
        self.reach(|kept| {
            if part.is_empty() {
                kept.past.push(text.to_owned());
            }
            kept.texts.insert(part.to_owned(), text.to_owned());
        })
        .await;
        Ok(())
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        let created = self.reach(|kept| {
            if kept.texts.contains_key(part) {
                return Created::Taken;
            }
            kept.texts.insert(part.to_owned(), text.to_owned());
            Created::Won
        });
        Ok(created.await)
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        self.reach(|kept| kept.texts.remove(part)).await;
        Ok(())
    }
}
