#!/usr/bin/env node
import { run } from './cli/program.ts';
import { enlargeThreadPool } from './config/thread-pool.ts';

enlargeThreadPool();
process.exitCode = await run(process.argv);
