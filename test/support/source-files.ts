import { join } from 'node:path';
import type { Node, SourceFile } from 'typescript/unstable/ast';
import { API, type Checker } from 'typescript/unstable/sync';
import { root } from './process.ts';

export type Source = { path: string; file: SourceFile; checker: Checker };

/**
 * Returns what `find` finds in the TypeScript files of these folders. Paths are relative to the root of the project. `planted` replaces the
 * text of files; then only these are searched.
 */
export function readSources<Found>(
  folders: string[],
  planted: Record<string, string>,
  find: (source: Source) => Found[],
): Found[] {
  const files = new Map(Object.entries(planted).map(([path, text]) => [join(root, path), text]));
  const { program, checker } = files.size > 0 ? openProject(files) : openUnchanged();
  return program.getSourceFileNames().flatMap((name) => {
    if (!folders.some((folder) => name.startsWith(join(root, folder, '/')))) return [];
    if (files.size > 0 && !files.has(name)) return [];
    const file = program.getSourceFile(name);
    return file ? find({ path: name.slice(root.length + 1), file, checker }) : [];
  });
}

let unchanged: ReturnType<typeof openProject> | undefined;

/** Returns the project without planted files. Opening takes seconds, so it stays open for the next check. */
function openUnchanged() {
  unchanged ??= openProject(new Map());
  return unchanged;
}

function openProject(files: Map<string, string>) {
  const api = new API({ cwd: root, fs: { readFile: (path) => files.get(path) } });
  process.once('exit', () => api.close());
  const config = join(root, 'tsconfig.json');
  const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
  if (!project) throw new Error('The compiler can’t open tsconfig.json');
  return project;
}

/** The number of the line on which the code of a node begins, after the comments before it. */
export function lineOf(node: Node, text: string): number {
  const [before = ''] = /^(\s|\/\*[\s\S]*?\*\/|\/\/.*)*/.exec(text.slice(node.pos, node.end)) ?? [];
  return text.slice(0, node.pos + before.length).split('\n').length;
}
