//! Owns: what a client wants to know of a player's tracks beside the sound (lyrics, marks), and the look-ups for it.
//! Never knows: who finds them.

use super::{Player, PlayerEvent, Post, World, note::Note};
use crate::track::Track;
use std::sync::Arc;
use tokio::task::JoinSet;

impl Player {
    /// Lines of lyrics are to be told from now on, or not any more (`None`).
    pub fn want_lyrics(&mut self, skip_track_source: Option<bool>) -> Vec<Note> {
        self.machine.want_lyrics(skip_track_source);
        self.act()
    }

    /// Segments of these kinds are to be skipped from now on.
    pub fn want_segments(&mut self, categories: Vec<String>) -> Vec<Note> {
        self.machine.want_segments(categories);
        self.act()
    }

    /// The kinds of segments that are skipped.
    #[must_use]
    pub fn categories(&self) -> &[String] {
        self.machine.categories()
    }
}

/// Look-ups under way; dropping them ends them. Nothing that goes wrong in them disturbs playing.
pub(super) struct LookUps {
    world: Arc<dyn World>,
    post: Post,
    tasks: JoinSet<()>,
}

impl LookUps {
    /// None yet. They tell what they find through `post`.
    pub(super) fn new(world: Arc<dyn World>, post: Post) -> Self {
        Self {
            world,
            post,
            tasks: JoinSet::new(),
        }
    }

    /// The track is over: nobody wants to know any more.
    pub(super) fn end(&mut self) {
        self.tasks.abort_all();
    }

    /// Looks for the words of a track. Who cannot be asked has none.
    pub(super) fn lyrics(&mut self, generation: u64, track: Arc<Track>, skip_track_source: bool) {
        let looking = self.world.lyrics(track, skip_track_source);
        let post = self.post.clone();
        self.run(async move {
            let found = looking.await.unwrap_or_else(|why| {
                tracing::warn!(%why, "lyrics were not found");
                None
            });
            post(PlayerEvent::Lyrics(generation, found.map(Arc::new)));
        });
    }

    /// Looks for what is marked in a track.
    pub(super) fn marks(&mut self, generation: u64, track: Arc<Track>, categories: Vec<String>) {
        let looking = self.world.marks(track, categories.clone());
        let post = self.post.clone();
        self.run(async move {
            match looking.await {
                Ok(marks) => post(PlayerEvent::Marks(generation, categories, marks)),
                Err(why) => tracing::warn!(%why, "no segment will be skipped"),
            }
        });
    }

    fn run(&mut self, looking: impl Future<Output = ()> + Send + 'static) {
        // forgets those that are over
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(looking);
    }
}
