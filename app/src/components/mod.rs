//! The parts that pages are made of: plain views on native elements, so that they work before WebAssembly has loaded.

mod copy_button;
mod dialog;
mod empty_state;
mod form;
mod later;
mod live;
mod loaded;
mod loading;
mod menu;
mod meter;
mod moment;
mod number;
mod open_dialog;
mod page_heading;
mod problem_notice;
mod switch;
mod text_field;

pub use copy_button::CopyButton;
pub use dialog::Dialog;
pub use empty_state::EmptyState;
pub use form::{FormProblem, PostForm, Sending, Submission, field_error, refused_before, typed};
pub use later::Later;
pub use live::{LiveVersion, listen_to_changes, use_live};
pub use loaded::{Loaded, shared};
pub use loading::Loading;
pub use menu::Menu;
pub use meter::Meter;
pub use moment::{Moment, MomentKind, Ticker};
pub use number::{grouped, of_limit};
pub use open_dialog::{OpenDialog, dialog_address};
pub use page_heading::PageHeading;
pub use problem_notice::ProblemNotice;
pub use switch::{SwitchTexts, switch};
pub use text_field::{TextField, in_textarea};
