import { type ChildProcess, spawn } from 'node:child_process';

const children = new Set<ChildProcess>();

/** Ends with this process what it started, whichever way it ends. Call it once. */
export function stopChildrenOnExit(): void {
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
  });
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
}

/** Remembers a child process until it has ended, so that it does not outlive this one. */
export function track<T extends ChildProcess>(child: T): T {
  children.add(child);
  child.once('close', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/** Runs a command to its end, or until `timeoutMs` have passed, and returns all that it wrote. */
export function run(
  command: string,
  args: string[],
  { cwd, timeoutMs }: { cwd: string; timeoutMs: number },
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = track(
      spawn(command, args, {
        cwd,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      }),
    );
    const output = collectOutput(child);
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output: output() }));
  });
}

/** Collects what a child process writes to its standard output and error. */
export function collectOutput(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return () => output;
}
