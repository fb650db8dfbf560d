//! Finds the calls of tasks in a DAG's body and makes them edges.
//!
//! A call is one of a task where its path is plain and lower-case and names nothing
//! that is bound there: `extract(url)`, `tasks::extract(url)`, `extract.id("again")(url)`.
//! `(helper)(3)`, `Vec::new()`, `std::mem::take(..)` and macros are left alone,
//! but calls inside the arguments of a macro such as `vec![..]` are found too.

use crate::{check, task::builder};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote_spanned};
use std::collections::{HashMap, HashSet};
use syn::{
    Block, Error, Expr, ExprClosure, ExprForLoop, ExprIf, ExprLet, ExprLit, ExprLoop, ExprMatch,
    ExprMethodCall, ExprPath, ExprWhile, FnArg, Item, Lit, Local, Macro, Pat, PatIdent, Path,
    Result, Stmt, Token,
    parse::Parser as _,
    punctuated::Punctuated,
    spanned::Spanned as _,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

/// Functions of the prelude that are called in DAGs and are no tasks.
const NO_TASKS: [&str; 2] = ["each", "drop"];
/// What calls a closure with elements, and whether those at the same position of all lists go together.
const MAPPED_GROUPS: [(&str, bool); 2] = [("map_group", false), ("zip_group", true)];
/// Crates whose functions are no tasks.
const NO_CRATES: [&str; 4] = ["std", "core", "alloc", "weft"];

/// The calls of tasks in one body.
pub(super) struct Calls {
    /// The names that are bound where the visit is.
    locals: HashSet<String>,
    /// Each task once, in the order of the text.
    tasks: Vec<Path>,
    /// The ids of calls that are made exactly once, with how they are called.
    ids: HashMap<String, String>,
    /// How many loops, branches and closures enclose the visited expression.
    repeated: usize,
    error: Option<Error>,
}

impl Calls {
    /// Rewrites a body.
    pub(super) fn rewrite(body: &mut Block, inputs: &Punctuated<FnArg, Token![,]>) -> Result<Self> {
        let mut names = Names::default();
        inputs.iter().for_each(|input| names.visit_fn_arg(input));
        let mut calls = Self {
            locals: names.0,
            tasks: Vec::new(),
            ids: HashMap::new(),
            repeated: 0,
            error: None,
        };
        calls.visit_block_mut(body);
        match calls.error.take() {
            Some(error) => Err(error),
            None => Ok(calls),
        }
    }

    /// The type of each task, as a pattern's constant needs it.
    pub(super) fn tasks(&self) -> Vec<TokenStream> {
        self.tasks
            .iter()
            .map(|path| quote_spanned!(path.span()=> #path<'static>))
            .collect()
    }

    fn task<'e>(&self, expression: &'e Expr) -> Option<&'e Path> {
        let Expr::Path(ExprPath {
            qself: None, path, ..
        }) = expression
        else {
            return None;
        };
        let last = path.segments.last()?.ident.to_string();
        let lower = |text: &str| {
            text.trim_start_matches("r#")
                .starts_with(|c: char| c.is_lowercase() || c == '_')
        };
        let first = path.segments.first()?.ident.to_string();
        let single = path.segments.len() == 1;
        let plain = path.leading_colon.is_none()
            && path
                .segments
                .iter()
                .all(|segment| segment.arguments.is_empty());
        let modules = path
            .segments
            .iter()
            .rev()
            .skip(1)
            .all(|segment| lower(&segment.ident.to_string()));
        let free = if single {
            !self.locals.contains(&last) && !NO_TASKS.contains(&last.as_str()) && last != "self"
        } else {
            !NO_CRATES.contains(&first.as_str())
        };
        (plain && lower(&last) && modules && free).then_some(path)
    }

    /// Whether a function maps a group, and then whether it zips the lists.
    fn mapped_group(&self, function: &Expr) -> Option<bool> {
        let Expr::Path(ExprPath {
            qself: None, path, ..
        }) = function
        else {
            return None;
        };
        let name = path.segments.last()?.ident.to_string();
        let is_weft = path.segments.len() == 2 && path.segments[0].ident == "weft";
        let is_plain = path.segments.len() == 1 && !self.locals.contains(&name);
        let found = MAPPED_GROUPS.iter().find(|(known, _)| *known == name);
        found.filter(|_| is_weft || is_plain).map(|(_, zip)| *zip)
    }

    /// The path of the task that a chain of settings starts with.
    fn root<'e>(&self, mut expression: &'e Expr) -> Option<&'e Path> {
        while let Expr::MethodCall(call) = expression {
            expression = &call.receiver;
        }
        self.task(expression)
    }

    fn begin(&mut self, path: &Path) -> TokenStream {
        let text = path.to_token_stream().to_string();
        if !self
            .tasks
            .iter()
            .any(|known| known.to_token_stream().to_string() == text)
        {
            self.tasks.push(path.clone());
        }
        let builder = builder();
        quote_spanned!(path.span()=> #path::on(#builder))
    }

    /// Refuses a second call with the id of an earlier one, where both are surely made.
    fn check_id(&mut self, path: &Path, settings: &Expr) {
        let name = path
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default();
        let given = given_id(settings);
        if let Given::Literal(literal) = &given
            && let Err(message) = check::id(&literal.value())
        {
            self.error
                .get_or_insert_with(|| Error::new(literal.span(), message));
        }
        let (id, span) = match given {
            Given::None => (name.trim_start_matches("r#").to_owned(), path.span()),
            Given::Literal(literal) => (literal.value(), literal.span()),
            Given::Computed => return,
        };
        if self.repeated > 0 {
            return;
        }
        if self.ids.insert(id.clone(), name.clone()).is_some() {
            let message = format!(
                "the id `{id}` is used already in this DAG; give this call another one: `{name}.id(\"{id}_2\")(..)`"
            );
            self.error.get_or_insert_with(|| Error::new(span, message));
        }
    }

    /// Visits what may be run more than once or not at all, and binds names of its own.
    fn around(&mut self, visit: impl FnOnce(&mut Self)) {
        self.repeated += 1;
        self.scope(visit);
        self.repeated -= 1;
    }

    /// Names that are bound inside end with it.
    fn scope(&mut self, visit: impl FnOnce(&mut Self)) {
        let outside = self.locals.clone();
        visit(self);
        self.locals = outside;
    }

    fn bind(&mut self, pattern: &Pat) {
        let mut names = Names::default();
        names.visit_pat(pattern);
        self.locals.extend(names.0);
    }
}

enum Given {
    None,
    Literal(syn::LitStr),
    Computed,
}

/// The names of a closure's parameters: of one, or of those in a tuple.
fn parameter_names(closure: &Expr) -> Vec<String> {
    let Expr::Closure(closure) = closure else {
        return Vec::new();
    };
    let Some(pattern) = closure.inputs.first() else {
        return Vec::new();
    };
    let mut pattern = pattern;
    if let Pat::Type(typed) = pattern {
        pattern = &typed.pat;
    }
    let patterns: Vec<&Pat> = match pattern {
        Pat::Tuple(tuple) => tuple.elems.iter().collect(),
        one => vec![one],
    };
    let name = |(at, pattern): (usize, &&Pat)| match pattern {
        Pat::Ident(ident) => {
            let name = syn::ext::IdentExt::unraw(&ident.ident).to_string();
            name.trim_start_matches('_').to_owned()
        }
        _ => format!("element_{}", at + 1),
    };
    patterns.iter().enumerate().map(name).collect()
}

/// The id that a chain of settings gives.
fn given_id(mut expression: &Expr) -> Given {
    while let Expr::MethodCall(ExprMethodCall {
        receiver,
        method,
        args,
        ..
    }) = expression
    {
        if method == "id" {
            return match args.first() {
                Some(Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                })) => Given::Literal(text.clone()),
                _ => Given::Computed,
            };
        }
        expression = receiver;
    }
    Given::None
}

impl VisitMut for Calls {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        if let Expr::Call(call) = expression
            && let Some(zip) = self.mapped_group(&call.func)
        {
            call.args
                .iter_mut()
                .for_each(|argument| self.visit_expr_mut(argument));
            let names = call.args.last().map(parameter_names).unwrap_or_default();
            let (args, attrs, builder) = (&call.args, &call.attrs, builder());
            let tokens = quote_spanned! {call.func.span()=>
                #(#attrs)* ::weft::__private::map_group((#builder, #zip), &[#(#names),*], #args)
            };
            *expression = Expr::Verbatim(tokens);
            return;
        }
        if let Expr::Call(call) = expression
            && let Some(path) = self.root(&call.func).cloned()
        {
            self.check_id(&path, &call.func);
            self.visit_expr_mut(&mut call.func);
            call.args
                .iter_mut()
                .for_each(|argument| self.visit_expr_mut(argument));
            let callee = if self.task(&call.func).is_some() {
                self.begin(&path)
            } else {
                call.func.to_token_stream()
            };
            let (args, attrs) = (&call.args, &call.attrs);
            let parenthesis = call.paren_token.span.join();
            let mut arguments = TokenStream::new();
            call.paren_token
                .surround(&mut arguments, |tokens| args.to_tokens(tokens));
            let method = quote_spanned!(path.span()=> .edge);
            let tokens = quote_spanned!(parenthesis=> #(#attrs)* #callee #method #arguments);
            *expression = Expr::Verbatim(tokens);
            return;
        }
        if let Expr::MethodCall(call) = expression
            && let Some(path) = self.task(&call.receiver).cloned()
        {
            *call.receiver = Expr::Verbatim(self.begin(&path));
        }
        visit_mut::visit_expr_mut(self, expression);
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(mut arguments) = parser.parse2(invocation.tokens.clone()) {
            arguments
                .iter_mut()
                .for_each(|argument| self.visit_expr_mut(argument));
            invocation.tokens = arguments.to_token_stream();
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        self.scope(|calls| {
            for statement in &block.stmts {
                if let Stmt::Item(Item::Fn(function)) = statement {
                    calls.locals.insert(function.sig.ident.to_string());
                }
            }
            visit_mut::visit_block_mut(calls, block);
        });
    }

    /// `let files = files();` calls the task: what a statement binds is bound after it.
    fn visit_local_mut(&mut self, local: &mut Local) {
        visit_mut::visit_local_mut(self, local);
        self.bind(&local.pat);
    }

    /// The condition of an `if let` or a `while let`.
    fn visit_expr_let_mut(&mut self, expression: &mut ExprLet) {
        visit_mut::visit_expr_let_mut(self, expression);
        self.bind(&expression.pat);
    }

    fn visit_expr_if_mut(&mut self, expression: &mut ExprIf) {
        self.around(|calls| visit_mut::visit_expr_if_mut(calls, expression));
    }

    fn visit_expr_match_mut(&mut self, expression: &mut ExprMatch) {
        self.visit_expr_mut(&mut expression.expr);
        for arm in &mut expression.arms {
            self.around(|calls| {
                calls.bind(&arm.pat);
                visit_mut::visit_arm_mut(calls, arm);
            });
        }
    }

    fn visit_expr_for_loop_mut(&mut self, expression: &mut ExprForLoop) {
        self.around(|calls| {
            calls.visit_expr_mut(&mut expression.expr);
            calls.bind(&expression.pat);
            calls.visit_block_mut(&mut expression.body);
        });
    }

    fn visit_expr_while_mut(&mut self, expression: &mut ExprWhile) {
        self.around(|calls| visit_mut::visit_expr_while_mut(calls, expression));
    }

    fn visit_expr_loop_mut(&mut self, expression: &mut ExprLoop) {
        self.around(|calls| visit_mut::visit_expr_loop_mut(calls, expression));
    }

    fn visit_expr_closure_mut(&mut self, expression: &mut ExprClosure) {
        self.around(|calls| {
            expression.inputs.iter().for_each(|input| calls.bind(input));
            calls.visit_expr_mut(&mut expression.body);
        });
    }

    /// Items inside the body are ordinary Rust.
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

/// The names that a pattern binds.
#[derive(Default)]
struct Names(HashSet<String>);

impl Visit<'_> for Names {
    fn visit_pat_ident(&mut self, pattern: &PatIdent) {
        self.0.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }
}
