use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::*;
use crate::Page;
use crate::sampler::{Sampler, Supervised};

/// Counts the rounds of names that come and go.
struct Names {
    list: watch::Sender<Vec<&'static str>>,
    planned: Mutex<Vec<&'static str>>,
    rounds: Mutex<BTreeMap<&'static str, usize>>,
}

impl Rounds for Names {
    fn plans(&self, _: Instant) -> Vec<Plan> {
        let list = self.list.borrow().clone();
        let interval = Duration::from_millis(20);
        let plans =
            list.iter().map(|name| Plan { place: place(name, name), interval, done_lately: false }).collect();
        *self.planned.lock().unwrap() = list;
        plans
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let mut list = self.list.subscribe();
        Box::pin(async move {
            let _ = list.changed().await;
        })
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let name = self.planned.lock().unwrap()[index];
        *self.rounds.lock().unwrap().entry(name).or_default() += 1;
        Some(Box::pin(std::future::ready(())))
    }

    fn skip(&self, _: usize, _: u64) {}
}

impl Sampler for Names {
    fn name(&self) -> &str {
        "names"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        0
    }

    fn page(&self) -> Page {
        Page::new()
    }
}

impl Names {
    async fn until(&self, met: impl Fn(&BTreeMap<&'static str, usize>) -> bool) {
        for _ in 0..500 {
            if met(&self.rounds.lock().unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.rounds.lock().unwrap());
    }
}

#[tokio::test]
async fn a_list_may_change_while_it_is_worked_on() {
    let names = Arc::new(Names {
        list: watch::channel(Vec::new()).0,
        planned: Mutex::default(),
        rounds: Mutex::default(),
    });
    let supervised = Supervised::start(Arc::clone(&names) as Arc<dyn Sampler>);
    names.list.send_replace(vec!["a", "b"]);
    names.until(|rounds| rounds.len() == 2).await;
    // Shorter, and in another order: an index of the old list would be none of this one.
    names.list.send_replace(vec!["b"]);
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = names.rounds.lock().unwrap().clone();
    names.until(|rounds| rounds["b"] >= before["b"] + 3).await;
    assert_eq!(names.rounds.lock().unwrap()["a"], before["a"]);
    supervised.stop(Duration::from_secs(1)).await;
}
