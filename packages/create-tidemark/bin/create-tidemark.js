#!/usr/bin/env node
// `npm create tidemark my-shop` is `tidemark init my-shop`, where nothing is installed yet.
import { main } from '@tidemark/cli/program'

process.exitCode = await main(['init', ...process.argv.slice(2)])
