import type { Node } from 'typescript/unstable/ast';
import { isFunctionLikeDeclaration, isIdentifier, isVariableDeclaration } from 'typescript/unstable/ast/is';
import { lineOf, readSources, type Source } from './source-files.ts';

/*
 * Finds files and functions of the product, the demo and the simulator that are too long to read in one go.
 */

const maxFileLines = 300;
const maxFunctionLines = 80;
/** A factory holds the functions it returns, so it may be longer than one of them. */
const maxFactoryLines = 120;
const factory = /^create[A-Z]|Pages$/;
/** Files that only hold data. */
const data = /^simulator\/catalog\.ts$/;

/** Returns the problems, one per line. `planted` replaces the text of files; then only these are searched. */
export function sizeProblems(planted: Record<string, string> = {}): string[] {
  return readSources(['src', 'simulator', 'dev'], planted, (source) => [
    ...fileProblems(source),
    ...functionProblems(source),
  ]);
}

function fileProblems({ path, file }: Source): string[] {
  const lines = file.text.trimEnd().split('\n').length;
  const isExempt = data.test(path) || path.startsWith('simulator/test/');
  return lines > maxFileLines && !isExempt
    ? [`${path} has ${lines} lines; the limit is ${maxFileLines}`]
    : [];
}

function functionProblems({ path, file }: Source): string[] {
  const problems: string[] = [];
  const visit = (node: Node): void => {
    if (isFunctionLikeDeclaration(node)) {
      const lines = file.text.slice(0, node.end).split('\n').length - lineOf(node, file.text) + 1;
      const name = nameOf(node);
      const limit = factory.test(name) ? maxFactoryLines : maxFunctionLines;
      if (lines > limit)
        problems.push(`${path}:${lineOf(node, file.text)} ${name} has ${lines} lines; the limit is ${limit}`);
    }
    node.forEachChild(visit);
  };
  visit(file);
  return problems;
}

/** The name of a function, or of the constant that holds it. */
function nameOf(node: Node): string {
  const { name } = isVariableDeclaration(node.parent) ? node.parent : (node as { name?: Node });
  return name && isIdentifier(name) ? name.text : '(unnamed)';
}
