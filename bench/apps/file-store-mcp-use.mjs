import { FileSystemSessionStore } from 'mcp-use/server';
import { serveCommands } from '../lib/commands.mjs';
import { measureSaves } from '../lib/save-probe.mjs';

serveCommands({ measure: (size) => measureSaves((path) => new FileSystemSessionStore({ path }), size) });
