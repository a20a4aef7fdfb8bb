//! What the support pages ask the server: the operator's address and the chapters of the guide.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    super::guide,
    crate::server_fns::{require_viewer, server},
    domain::problem::{Problem, ProblemCode},
};

/// A chapter as a link names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChapterLink {
    pub slug: String,
    pub title: String,
}

/// A chapter of the guide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chapter {
    pub title: String,
    pub html: String,
    pub previous: Option<ChapterLink>,
    pub next: Option<ChapterLink>,
}

/// How to reach the operator of this installation, and what to read first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Support {
    pub email: String,
    pub url: Option<String>,
    /// What to say in a message, so that the account can be found.
    pub account_id: String,
    pub chapters: Vec<ChapterLink>,
}

#[server(prefix = "/rpc", endpoint = "support/load", input = Postcard, output = Postcard)]
pub async fn load_support() -> Result<Support, AppError> {
    let viewer = require_viewer().await?;
    let config = &server().config;
    Ok(Support {
        email: config.support_email.clone(),
        url: config.support_url.clone(),
        account_id: viewer.account_id.to_string(),
        chapters: guide::chapters(),
    })
}

#[server(prefix = "/rpc", endpoint = "support/chapter", input = Postcard, output = Postcard)]
pub async fn load_chapter(chapter: String) -> Result<Chapter, AppError> {
    require_viewer().await?;
    let missing = || server::Error::from(Problem::with_detail(ProblemCode::NotFound, "the guide has no such chapter"));
    Ok(guide::chapter(&chapter).ok_or_else(missing)?)
}
