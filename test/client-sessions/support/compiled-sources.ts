import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCES = join(ROOT, 'libs/mcp-sessions/src');

process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));
const running = new Set<ChildProcess>();

/** Rooms of the library, compiled to a place of their own, where other processes of plain Node can run them. */
export class CompiledSources {
  private constructor(readonly directory: string) {}

  static async of(...rooms: string[]): Promise<CompiledSources> {
    const directory = await mkdtemp(join(tmpdir(), 'compiled-sources-'));
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
    await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'dir');
    for (const room of rooms) await compile(join(SOURCES, room), directory);
    return new CompiledSources(directory);
  }

  /** Starts a process that runs a module. @param script its text; imports begin with `./<room>/` */
  async run(script: string, ...args: string[]): Promise<ScriptProcess> {
    const path = join(this.directory, `script-${running.size}-${Math.random()}.js`);
    await writeFile(path, script);
    return new ScriptProcess(path, args);
  }

  async dispose(): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}

/** A process that is told and tells lines of text. */
export class ScriptProcess {
  private readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private heard: () => void = () => undefined;
  private output = '';
  readonly exited: Promise<void>;
  readonly pid: number | undefined;

  constructor(path: string, args: string[]) {
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.pid = this.child.pid;
    running.add(this.child);
    this.exited = new Promise((resolve) => {
      this.child.once('exit', () => {
        running.delete(this.child);
        resolve();
      });
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.output + text).split('\n');
      this.output = parts.pop()!;
      this.lines.push(...parts);
      this.heard();
    });
  }

  /** The next line that the process prints. */
  async line(): Promise<string> {
    while (this.lines.length === 0) {
      const ended = await Promise.race([
        new Promise<false>((resolve) => (this.heard = () => resolve(false))),
        this.exited.then(() => true),
      ]);
      if (ended && this.lines.length === 0) throw new Error('The process has ended');
    }
    return this.lines.shift()!;
  }

  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

async function compile(source: string, directory: string): Promise<void> {
  for (const name of await readdir(source, { recursive: true })) {
    if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
    const text = await readFile(join(source, name), 'utf8');
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
    });
    const target = join(directory, relative(SOURCES, source), name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
}
