import { join } from 'node:path';
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
import { API, type Checker, SignatureKind, type Type, TypeFlags } from 'typescript/unstable/sync';
import { root } from './process.ts';

/*
 * Which promises of the product nobody awaits, by the types that the compiler knows: a failure of theirs would be nobody's, and
 * Node ends a process for it.
 */

/** Files that may: the helper itself, and the end of the process. */
const exempt = /^(ops\/background|ops\/shutdown)\.ts$/;

/** What is wrong in src/, a line each; `planted` stands in for the text of files there. */
export function lostPromises(planted: Record<string, string> = {}): string[] {
  const src = join(root, 'src');
  const files = new Map(Object.entries(planted).map(([path, text]) => [join(src, path), text]));
  const api = new API({ cwd: root, fs: { readFile: (path) => files.get(path) } });
  try {
    const config = join(root, 'tsconfig.json');
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (!project) throw new Error('The compiler does not open tsconfig.json');
    const { program, checker } = project;
    return program.getSourceFileNames().flatMap((name) => {
      const path = name.slice(src.length + 1);
      const file = name.startsWith(`${src}/`) ? program.getSourceFile(name) : null;
      return file && !exempt.test(path)
        ? lostIn(file, file.text, checker).map((lost) => `${path}:${lost}`)
        : [];
    });
  } finally {
    api.close();
  }
}

function lostIn(file: Node, text: string, checker: Checker): string[] {
  const lost: string[] = [];
  const report = (node: Node, why: string) => {
    const start = node.end - text.slice(node.pos, node.end).trimStart().length;
    lost.push(`${text.slice(0, start).split('\n').length} ${why}`);
  };
  const visit = (node: Node): void => {
    if (isExpressionStatement(node) || isVoidExpression(node)) {
      const { expression } = node;
      const isHandled = isCatch(expression) && isExplained(node, text);
      if (isPromise(checker, expression) && !isHandled) report(node, 'a promise that nothing awaits');
    }
    if (isSwallowed(node, text) && !isExplained(node, text))
      report(node, 'a failure swallowed without a word why');
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
  return lost;
}

function isPromise(checker: Checker, expression: Expression): boolean {
  // A promise that is put somewhere can be awaited there.
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

/** Whether whoever is given this function takes it for one that returns nothing. */
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

/** Whether a comment stands on the line of its end, or before it since the statement before. */
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
