//! A receipt as a PDF: one page of A4 in the reader's own Helvetica.

use super::letters::Written;
use domain::money::Money;
use domain::payment::Payment;
use domain::receipt::{Line, Party, Receipt, number_text};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

/// A4 in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const LEFT: f32 = 64.0;
const RIGHT: f32 = 531.0;
/// Where the second column begins.
const MIDDLE: f32 = 310.0;
const TOP: f32 = 772.0;
const LINE_HEIGHT: f32 = 15.0;

const REGULAR: Name = Name(b"R");
const BOLD: Name = Name(b"B");

/// The receipt as a file. `address` is where the same receipt can be read in the console.
#[must_use]
pub fn pdf(receipt: &Receipt, payment: &Payment, address: &str) -> Vec<u8> {
    let mut sheet = Sheet::default();
    write(&mut sheet, receipt, payment);
    if !sheet.is_exact {
        sheet.down(2.0);
        sheet.text(REGULAR, 8.5, LEFT, "Some letters cannot be shown in this file. All of them can be read at");
        sheet.down(0.8);
        sheet.text(REGULAR, 8.5, LEFT, address);
    }
    file(receipt, &sheet.content.finish())
}

fn write(sheet: &mut Sheet, receipt: &Receipt, payment: &Payment) {
    let said = &receipt.particulars;
    sheet.text(BOLD, 22.0, LEFT, "Receipt");
    sheet.text_until(BOLD, 12.0, RIGHT, &number_text(receipt.number));
    sheet.down(2.6);
    let from = sheet.height;
    sheet.party("From", LEFT, &said.seller);
    let (after_seller, after_customer) = (sheet.height, {
        sheet.height = from;
        sheet.party("To", MIDDLE, &said.customer);
        sheet.height
    });
    sheet.height = after_seller.min(after_customer);
    sheet.down(1.4);
    for (label, value) in [
        ("Receipt", number_text(receipt.number)),
        ("Date", receipt.issued_at.date()),
        ("Payment", receipt.payment_id.to_string()),
        ("State", payment.label().to_owned()),
    ] {
        sheet.text(REGULAR, 10.0, LEFT, label);
        sheet.text(REGULAR, 10.0, LEFT + 80.0, &value);
        sheet.down(1.0);
    }
    sheet.down(1.2);
    sheet.rule();
    for Line { label, amount } in said.lines() {
        sheet.amount(REGULAR, &label, amount);
    }
    sheet.rule();
    sheet.amount(BOLD, "Total paid", said.quote.total());
    if payment.taken_back().minor_units > 0 {
        sheet.amount(REGULAR, "Given back since", payment.taken_back());
    }
    sheet.down(1.2);
    let credit = said.credit.text(said.quote.amount.currency);
    sheet.text(
        REGULAR,
        10.0,
        LEFT,
        &format!("Credit bought: {credit}. All amounts are in {}.", said.quote.amount.currency),
    );
}

/// What is written on the page, from above to below.
struct Sheet {
    content: Content,
    height: f32,
    /// Every letter so far is the one that was meant.
    is_exact: bool,
}

impl Default for Sheet {
    fn default() -> Self {
        Self { content: Content::new(), height: TOP, is_exact: true }
    }
}

impl Sheet {
    fn down(&mut self, lines: f32) {
        self.height -= lines * LINE_HEIGHT;
    }

    fn text(&mut self, font: Name, size: f32, left: f32, text: &str) {
        let written = Written::of(text);
        self.show(font, size, left, &written);
    }

    /// A text that ends at `right`.
    fn text_until(&mut self, font: Name, size: f32, right: f32, text: &str) {
        let written = Written::of(text);
        let width = width_in_points(&written, size);
        self.show(font, size, right - width, &written);
    }

    fn show(&mut self, font: Name, size: f32, left: f32, written: &Written) {
        self.is_exact &= written.is_exact;
        self.content.begin_text();
        self.content.set_font(font, size);
        self.content.next_line(left, self.height);
        self.content.show(Str(&written.bytes));
        self.content.end_text();
    }

    /// A text in the column that begins at `left`, on as many lines as it needs.
    fn wrapped(&mut self, font: Name, left: f32, text: &str) {
        for line in wrap(text, MIDDLE - LEFT - 16.0) {
            self.text(font, 10.0, left, &line);
            self.down(1.0);
        }
    }

    fn party(&mut self, label: &str, left: f32, party: &Party) {
        self.text(REGULAR, 9.0, left, label);
        self.down(1.1);
        self.wrapped(BOLD, left, &party.name);
        for line in &party.address {
            self.wrapped(REGULAR, left, line);
        }
        if !party.tax_id.is_empty() {
            self.wrapped(REGULAR, left, &format!("Tax number {}", party.tax_id));
        }
        if !party.email.is_empty() {
            self.wrapped(REGULAR, left, &party.email);
        }
    }

    fn amount(&mut self, font: Name, label: &str, amount: Money) {
        self.text(font, 10.0, LEFT, label);
        self.text_until(font, 10.0, RIGHT, &amount.text());
        self.down(1.3);
    }

    fn rule(&mut self) {
        let height = self.height + LINE_HEIGHT * 0.9;
        self.content.set_stroke_gray(0.75);
        self.content.set_line_width(0.7);
        self.content.move_to(LEFT, height);
        self.content.line_to(RIGHT, height);
        self.content.stroke();
    }
}

/// A text on lines that are no wider than `width`, in letters of 10 points: broken after a space, or within a word that
/// alone is wider.
fn wrap(text: &str, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for letter in text.trim().chars() {
        line.push(letter);
        if letter == ' ' || width_in_points(&Written::of(&line), 10.0) <= width {
            continue;
        }
        let end = line.rfind(' ').map_or(line.len() - letter.len_utf8(), |space| space + 1);
        let rest = line.split_off(end);
        lines.push(std::mem::replace(&mut line, rest).trim_end().to_owned());
    }
    lines.push(line);
    lines
}

#[expect(clippy::cast_precision_loss, reason = "a line is short")]
fn width_in_points(written: &Written, size: f32) -> f32 {
    written.width() as f32 * size / 1_000.0
}

fn file(receipt: &Receipt, content: &[u8]) -> Vec<u8> {
    let [catalog, pages, page, stream, regular, bold, info] = [1, 2, 3, 4, 5, 6, 7].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages).lang(TextStr("en"));
    pdf.pages(pages).kids([page]).count(1);
    let mut sheet = pdf.page(page);
    sheet.parent(pages).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(stream);
    sheet.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
    sheet.finish();
    for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(stream, content);
    let title = format!("Receipt {}", number_text(receipt.number));
    pdf.document_info(info).title(TextStr(&title)).producer(TextStr("Artiko"));
    pdf.finish()
}
