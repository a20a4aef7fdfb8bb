//! What somebody does who follows a link of a mail: choosing a new password, and confirming an e-mail. The pages are
//! plain HTML and run no script: there is nothing on them that one would do better, and nothing that could read the link.

#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
pub mod server_fns;
