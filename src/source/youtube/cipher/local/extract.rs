//! Owns: finding the function of a player script that unlocks links, and making a program of what it needs (the way of
//! yt-dlp's EJS: everything that only defines is kept, everything that only runs is left out).
//! Never knows: how the program is run, where scripts come from.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, AssignmentTarget, BindingPattern, Expression, ExpressionStatement, Function,
    FunctionBody, Program, Statement,
};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType, Span};

/// Where the program leaves the functions that may be the right one: a list in the global object.
pub const CANDIDATES: &str = "unlockers";

/// Why a script cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JavaScript, as far as the parser knows.
    #[error("the script cannot be parsed")]
    Syntax,
    /// It is not one function that is called at once.
    #[error("the script has another shape than known ones")]
    Shape,
    /// No function looks like the one that is looked for.
    #[error("no function of the script is known to unlock links")]
    NotFound,
}

/// The program that defines what `script` defines, and then [`CANDIDATES`].
///
/// `script` must not be nested deeper than the parser's stack bears: it has no limit of its own.
///
/// # Errors
/// When it is no player script, or one of another making.
pub fn program(script: &str) -> Result<String, Unreadable> {
    let allocator = Allocator::default();
    let kind = SourceType::cjs().with_script(true);
    let parsed = Parser::new(&allocator, script, kind).parse();
    if parsed.panicked || !parsed.errors.is_empty() {
        return Err(Unreadable::Syntax);
    }
    let body = body(&parsed.program).ok_or(Unreadable::Shape)?;
    let text = |span: Span| span.source_text(script);
    let found: Vec<&str> = body
        .statements
        .iter()
        .flat_map(named_functions)
        .filter(|(_, body)| body.statements.iter().any(marks))
        .map(|(name, _)| text(name))
        .collect();
    if found.is_empty() {
        return Err(Unreadable::NotFound);
    }
    let mut program = String::with_capacity(script.len());
    // up to the brace that opens the function, and from the one that closes it
    program.push_str(&script[..=body.span.start as usize]);
    for directive in &body.directives {
        program.push_str(text(directive.span));
        program.push_str(";\n");
    }
    for statement in body.statements.iter().filter(|it| defines(it)) {
        program.push_str(text(statement.span()));
        program.push_str(";\n");
    }
    program.push_str(&format!("globalThis.{CANDIDATES}=[{}];\n", found.join(",")));
    program.push_str(&script[body.span.end as usize - 1..]);
    Ok(program)
}

/// What is in the function that the whole script is: `(function(g){…})(_yt_player)`, or with `.call(this)`.
fn body<'a, 'b>(program: &'b Program<'a>) -> Option<&'b FunctionBody<'a>> {
    program.body.iter().rev().find_map(|statement| {
        let Statement::ExpressionStatement(statement) = statement else {
            return None;
        };
        let Expression::CallExpression(call) = statement.expression.get_inner_expression() else {
            return None;
        };
        let callee = match call.callee.get_inner_expression() {
            Expression::StaticMemberExpression(member) => member.object.get_inner_expression(),
            callee => callee,
        };
        body_of(callee)
    })
}

/// The functions that a statement gives names to.
fn named_functions<'a, 'b>(statement: &'b Statement<'a>) -> Vec<(Span, &'b FunctionBody<'a>)> {
    match statement {
        Statement::FunctionDeclaration(function) => {
            let name = function.id.as_ref().map(|id| id.span);
            let named = name.zip(plain(function));
            named.into_iter().collect()
        }
        Statement::VariableDeclaration(declaration) => declaration
            .declarations
            .iter()
            .filter_map(|it| {
                let BindingPattern::BindingIdentifier(name) = &it.id else {
                    return None;
                };
                Some((name.span, body_of(it.init.as_ref()?)?))
            })
            .collect(),
        Statement::ExpressionStatement(statement) => match &statement.expression {
            Expression::AssignmentExpression(it)
                if it.operator.is_assign() && is_name(&it.left) =>
            {
                let named = body_of(&it.right).map(|body| (it.left.span(), body));
                named.into_iter().collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// `a` or `a.b`: nothing that does something when it is read.
fn is_name(target: &AssignmentTarget<'_>) -> bool {
    match target {
        AssignmentTarget::AssignmentTargetIdentifier(_) => true,
        AssignmentTarget::StaticMemberExpression(member) => member.object.is_identifier_reference(),
        _ => false,
    }
}

fn body_of<'a, 'b>(expression: &'b Expression<'a>) -> Option<&'b FunctionBody<'a>> {
    match expression.get_inner_expression() {
        Expression::FunctionExpression(function) => plain(function),
        _ => None,
    }
}

fn plain<'a, 'b>(function: &'b Function<'a>) -> Option<&'b FunctionBody<'a>> {
    let is_plain = !function.r#async && !function.generator;
    function.body.as_deref().filter(|_| is_plain)
}

/// `url.set("alr","yes")`: the function that makes links of sound begins so, and unlocks them on the way. What its names are
/// changes with every script, this never did.
fn marks(statement: &Statement<'_>) -> bool {
    let Some(Expression::CallExpression(call)) = expression(statement) else {
        return false;
    };
    let object = match &call.callee {
        Expression::StaticMemberExpression(member) => &member.object,
        Expression::ComputedMemberExpression(member) => &member.object,
        _ => return false,
    };
    let is = |argument: &Argument<'_>, text| {
        let argument = argument.as_expression();
        argument.is_some_and(|it| it.is_specific_string_literal(text))
    };
    object.is_identifier_reference()
        && matches!(&call.arguments[..], [name, value] if is(name, "alr") && is(value, "yes"))
}

/// Whether a statement only defines something. What else stands there would set up a player in a page that is not there.
fn defines(statement: &Statement<'_>) -> bool {
    match expression(statement) {
        Some(Expression::AssignmentExpression(_)) => true,
        Some(expression) => expression.is_literal(),
        None => !is_window(statement),
    }
}

/// `var window=this`, which has been set up already.
fn is_window(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::VariableDeclaration(declaration) => declaration
            .declarations
            .iter()
            .all(|it| matches!(it.init, Some(Expression::ThisExpression(_)))),
        _ => false,
    }
}

fn expression<'a, 'b>(statement: &'b Statement<'a>) -> Option<&'b Expression<'a>> {
    match statement {
        Statement::ExpressionStatement(it) => {
            let ExpressionStatement { expression, .. } = &**it;
            Some(expression)
        }
        _ => None,
    }
}
