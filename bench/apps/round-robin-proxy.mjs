import { serveCommands } from '../lib/commands.mjs';
import { startRoundRobinProxy } from '../../scripts/round-robin-proxy.mjs';

const { origin } = await startRoundRobinProxy(process.env.BENCH_TARGETS?.split(' ') ?? []);
serveCommands({}, { port: Number(new URL(origin).port) });
