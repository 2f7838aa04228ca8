//! The picture as a page for a browser: one file of HTML with its drawings inside, which asks nobody
//! for anything.

mod chart;
mod escape;

use self::escape::escape;
use super::picture::{Note, Picture, Sign, Start};

/// Colours for light and for dark surroundings, and the layout.
const STYLE: &str = include_str!("style.css");

/// The page.
pub(super) fn page(picture: &Picture) -> String {
    let task = escape(&picture.task);
    let state_class = if picture.is_failed { "failed" } else { "fine" };
    let earlier = if picture.earlier {
        "<p class=\"facts\">There are earlier starts; --attempt N shows one.</p>\n"
    } else {
        ""
    };
    let starts: String = picture
        .starts
        .iter()
        .map(|each| start(each, picture))
        .collect();
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{task}</title>\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <h1>{task} <span class=\"{state_class}\">{}</span></h1>\n\
         <p class=\"facts\">{}</p>\n\
         {earlier}{starts}{LEGEND}\
         </body>\n\
         </html>\n",
        escape(&picture.state),
        escape(&picture.facts),
    )
}

const LEGEND: &str = "\
<p class=\"legend\">\
<i class=\"control-plane\"></i>control plane \
<i class=\"agent\"></i>agent \
<i class=\"framework\"></i>framework \
<i class=\"span\"></i>span \
<i class=\"failed\"></i>failed</p>\n";

fn start(start: &Start, picture: &Picture) -> String {
    let title = match start.title.as_str() {
        "" => String::new(),
        title => format!("<h2>{}</h2>\n", escape(title)),
    };
    let facts = start.facts.iter();
    let facts: String = facts
        .map(|fact| format!("<p class=\"facts\">{}</p>\n", escape(fact)))
        .collect();
    let notes: String = start.notes.iter().map(note).collect();
    let notes = match notes.as_str() {
        "" => String::new(),
        notes => format!("<ul>\n{notes}</ul>\n"),
    };
    let chart = chart::draw(&start.rows, picture.axis);
    format!("<section>\n{title}{facts}{chart}{notes}</section>\n")
}

fn note(note: &Note) -> String {
    let class = match note.sign {
        Sign::Failed => "failed",
        Sign::Open => "open",
        Sign::Plain => "plain",
    };
    format!("<li class=\"{class}\">{}</li>\n", escape(&note.text))
}
