//! The secrets of a key: which is in use, and what to do while an old one still works.

use crate::components::{FormProblem, Moment, MomentKind, OpenDialog, PostForm, Submission, use_live};
use crate::settings::server_fns::ChangeOverlap;
use domain::api_key::{ApiKey, OldSecret, Overlap, SecretUse};
use leptos::prelude::*;

#[component]
pub fn Secrets(key: ApiKey) -> impl IntoView {
    let ApiKey { id, secret, old_secret, .. } = key;
    let id = id.to_string();
    let (rotate_id, has_old) = (id.clone(), old_secret.is_some());
    view! {
        <section class="card" aria-labelledby="secrets-title">
            <header>
                <h2 id="secrets-title">"Secrets"</h2>
                {(!has_old)
                    .then(|| {
                        view! {
                            <span class="push">
                                <OpenDialog href="/settings" name="regenerate-key" value=rotate_id label="Regenerate" class="btn" />
                            </span>
                        }
                            .into_any()
                    })}
            </header>
            <dl class="body facts">
                <dt>{if has_old { "New secret" } else { "Secret" }}</dt>
                <dd>{use_text(secret)}</dd>
                {old_secret
                    .as_ref()
                    .map(|old| {
                        let (secret, until) = (old.secret.clone(), old.until);
                        view! {
                            <dt>"Old secret"</dt>
                            <dd>{use_text(secret)} ". It works until " <Moment at=until kind=MomentKind::DateTime /> "."</dd>
                        }
                            .into_any()
                    })}
            </dl>
            {old_secret.map(|old| view! { <EndOverlap id=id old=old /> }.into_any())}
        </section>
    }
    .into_any()
}

fn use_text(secret: SecretUse) -> AnyView {
    let times = if secret.uses == 1 { "1 request".to_owned() } else { format!("{} requests", secret.uses) };
    view! {
        "made "
        <Moment at=secret.created_at kind=MomentKind::Date />
        ", "
        {match secret.last_used_at {
            Some(at) => view! { {times} ", the last " <Moment at=at kind=MomentKind::Ago /> }.into_any(),
            None => "not used yet".into_any(),
        }}
    }
    .into_any()
}

/// One form with three buttons: each says what it does with the old secret.
#[component]
fn EndOverlap(id: String, old: OldSecret) -> impl IntoView {
    let action = Submission::<ChangeOverlap>::new();
    let live = use_live();
    Effect::new(move |_| {
        if action.is_done() {
            live.bump();
        }
    });
    let is_unused = old.secret.last_used_at.is_none();
    let lengths = Overlap::ALL.into_iter().filter(|overlap| *overlap != Overlap::None).map(|overlap| {
        let text = format!("{} from now", overlap.label());
        view! { <option value=overlap.as_str()>{text}</option> }.into_any()
    });
    let button = move |id: String, step: &'static str, label: &'static str| {
        view! {
            <PostForm to=action>
                <input type="hidden" name="key_id" value=id />
                <input type="hidden" name="step" value=step />
                <input type="hidden" name="overlap" value="" />
                <button type="submit" class="btn" disabled=move || action.is_pending().get()>
                    {label}
                </button>
            </PostForm>
        }
        .into_any()
    };
    view! {
        <div class="body stack">
            <FormProblem error=action.error() />
            <p class="hint">
                {if is_unused {
                    "No program has used the old secret. It can be retired."
                } else {
                    "Retire the old secret when no program uses it any more. Both draw on the same credit and the same cap."
                }}
            </p>
            <div class="actions start">
                {button(id.clone(), "retire", "Retire the old one now")}
                {button(id.clone(), "cancel", "Cancel and keep the old one")}
            </div>
            <PostForm to=action>
                <input type="hidden" name="key_id" value=id />
                <input type="hidden" name="step" value="extend" />
                <div class="actions start">
                    <label for="overlap">"The old one works for"</label>
                    <select id="overlap" name="overlap">
                        {lengths.collect_view()}
                    </select>
                    <button type="submit" class="btn" disabled=move || action.is_pending().get()>
                        "Extend"
                    </button>
                </div>
            </PostForm>
        </div>
    }
    .into_any()
}
