import { type CallExpression, type Expression, type Node, SyntaxKind } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isCallExpression,
  isExpressionStatement,
  isFunctionExpression,
  isMethodDeclaration,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isVoidExpression,
} from 'typescript/unstable/ast/is';
import { type Checker, SignatureKind, type Type, TypeFlags } from 'typescript/unstable/sync';
import { lineOf, readSources } from './source-files.ts';

/*
 * Finds promises in the product that nothing awaits, by their types. If one of them rejects, nothing handles it and Node ends the process.
 */

/** The helper for background tasks, and shutdown. */
const exempt = /^src\/ops\/(background|shutdown)\.ts$/;

/** Returns the problems in src/, one per line. `planted` replaces the text of files there; then only these are searched. */
export function promiseProblems(planted: Record<string, string> = {}): string[] {
  return readSources(['src'], planted, ({ path, file, checker }) =>
    exempt.test(path) ? [] : problemsIn(file, file.text, checker).map((problem) => `${path}:${problem}`),
  );
}

function problemsIn(file: Node, text: string, checker: Checker): string[] {
  const problems: string[] = [];
  const report = (node: Node, why: string) => problems.push(`${lineOf(node, text)} ${why}`);
  const visit = (node: Node): void => {
    if (isExpressionStatement(node) || isVoidExpression(node)) {
      const { expression } = node;
      const isHandled = isCatch(expression) && isExplained(node, text);
      if (isPromise(checker, expression) && !isHandled) report(node, 'a promise that nothing awaits');
    }
    if (isSwallowed(node, text) && !isExplained(node, text))
      report(node, 'a failure swallowed without an explanation');
    if (isCallExpression(node)) {
      const toFormat = isPropertyAccessExpression(node.expression) && node.expression.name.text === 'format';
      node.arguments.forEach((argument) => {
        const functions = isObjectLiteralExpression(argument)
          ? argument.properties.map((one) => (isPropertyAssignment(one) ? one.initializer : one))
          : [argument];
        for (const one of functions) {
          if (!isAsync(one)) continue;
          if (toFormat) report(one, 'an async function for res.format');
          else if (returnsNothing(checker, one))
            report(one, 'an async function for something that does not await it');
        }
      });
    }
    node.forEachChild(visit);
  };
  visit(file);
  return problems;
}

function isPromise(checker: Checker, expression: Expression): boolean {
  // A promise that is assigned can be awaited later.
  if (expression.kind === SyntaxKind.BinaryExpression || expression.kind === SyntaxKind.AwaitExpression)
    return false;
  const type = checker.getTypeAtLocation(expression);
  return (
    type !== undefined && parts(type).some((part) => checker.getPropertyOfType(part, 'then') !== undefined)
  );
}

function isAsync(node: Node): boolean {
  const isFunction = isArrowFunction(node) || isFunctionExpression(node) || isMethodDeclaration(node);
  return isFunction && (node.modifiers?.some(({ kind }) => kind === SyntaxKind.AsyncKeyword) ?? false);
}

/** Whether the receiver of this function expects it to return nothing. */
function returnsNothing(checker: Checker, node: Node): boolean {
  const wanted = checker.getContextualType(node as Expression);
  if (!wanted) return false;
  const returned = parts(wanted)
    .flatMap((part) => checker.getSignaturesOfType(part, SignatureKind.Call))
    .map((signature) => checker.getReturnTypeOfSignature(signature));
  return (
    returned.length > 0 && returned.every((type) => type !== undefined && (type.flags & TypeFlags.Void) !== 0)
  );
}

function isCatch(node: Node): node is CallExpression {
  return (
    isCallExpression(node) &&
    isPropertyAccessExpression(node.expression) &&
    node.expression.name.text === 'catch'
  );
}

/** Whether this is `….catch(() => undefined)`, or another value that does not depend on the failure. */
function isSwallowed(node: Node, text: string): boolean {
  if (!isCatch(node)) return false;
  const [handler] = node.arguments;
  return (
    handler !== undefined &&
    /^\s*\(\) => (undefined|null|''|false|\[.*\]|\{\s*\})$/.test(text.slice(handler.pos, handler.end))
  );
}

/** Whether there is a comment on its last line, or before it since the previous statement. */
function isExplained(node: Node, text: string): boolean {
  let statement = node;
  while (statement.parent && !/^(Block|SourceFile|CaseClause)$/.test(SyntaxKind[statement.parent.kind] ?? ''))
    statement = statement.parent;
  const line = text.slice(node.end, text.indexOf('\n', node.end));
  return (
    /\/\/|\/\*/.test(text.slice(statement.pos, node.end).replace(/'[^'\n]*'/g, '')) || line.includes('//')
  );
}

function parts(type: Type): readonly Type[] {
  return type.isUnionType() ? (type.getTypes() ?? [type]) : [type];
}
