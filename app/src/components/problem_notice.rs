//! A problem as a person reads it: what happened, the way out, and the id to send to support.

use super::moment::{Moment, MomentKind};
use domain::problem::sentence;
use domain::problem::{Problem, ProblemCode};
use leptos::prelude::*;

/// A notice with role `alert`. What to do is said when the detail does not say it already; a detail that says nothing
/// else stands after the problem's title.
#[component]
pub fn ProblemNotice(problem: Problem) -> impl IntoView {
    let Problem { code, detail, retry_at, request_id, .. } = problem;
    let remedy = (code.remedy() != detail && is_remedy_for_people(code)).then(|| code.remedy());
    let title = (code.remedy() == detail).then(|| sentence(code.title()) + " ");
    view! {
        <div class="notice bad" role="alert">
            <p>
                {title} {sentence(&detail)} {remedy.map(|remedy| format!(" {remedy}"))}
                {retry_at.map(|at| view! { " Possible again at " <Moment at=at kind=MomentKind::Time /> "." }.into_any())}
                {(code == ProblemCode::SignInRequired).then(|| view! { " " <a href="/sign-in">"Sign in"</a> }.into_any())}
            </p>
            {request_id.map(|id| view! { <p class="sub">"Request id " <span class="mono">{id}</span></p> }.into_any())}
        </div>
    }
}

/// The remedies of the other codes speak to programs.
fn is_remedy_for_people(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::Forbidden
            | ProblemCode::CrossOrigin
            | ProblemCode::Conflict
            | ProblemCode::AlreadyExists
            | ProblemCode::SignInRequired
            | ProblemCode::WrongEmailOrPassword
    )
}
