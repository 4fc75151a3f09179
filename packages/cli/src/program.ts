import { Command, Option } from 'commander'
import { readFileSync } from 'node:fs'
import { addBlame } from './commands/blame.js'
import { addBridgeDrain } from './commands/bridge-drain.js'
import { addBridgeList } from './commands/bridge-list.js'
import { addBridgeParked } from './commands/bridge-parked.js'
import { addBridgePause, addBridgeResume } from './commands/bridge-pause.js'
import { addBridgeReplay } from './commands/bridge-replay.js'
import { addBridgeRetry } from './commands/bridge-retry.js'
import { addBridgeShow } from './commands/bridge-show.js'
import { addConsumersLag } from './commands/consumers-lag.js'
import { addConsumersList } from './commands/consumers-list.js'
import { addConsumersRedrive } from './commands/consumers-redrive.js'
import { addConsumersReset } from './commands/consumers-reset.js'
import { addConfigPrint } from './commands/config-print.js'
import { addDbImport } from './commands/db-import.js'
import { addDbMigrate } from './commands/db-migrate.js'
import { addDbNewEpoch } from './commands/db-new-epoch.js'
import { addDbStatus } from './commands/db-status.js'
import { addDev } from './commands/dev.js'
import { addDlqList } from './commands/dlq-list.js'
import { addDlqRetry, addDlqSkip } from './commands/dlq-retry.js'
import { addDlqShow } from './commands/dlq-show.js'
import { addDlqTry } from './commands/dlq-try.js'
import { addProjectionsDiff } from './commands/projections-diff.js'
import { addProjectionsList } from './commands/projections-list.js'
import { addProjectionsPause } from './commands/projections-pause.js'
import { addProjectionsPromote } from './commands/projections-promote.js'
import { addProjectionsRebuild } from './commands/projections-rebuild.js'
import { addProjectionsReplay } from './commands/projections-replay.js'
import { addProjectionsResume } from './commands/projections-resume.js'
import { addProjectionsRollback } from './commands/projections-rollback.js'
import { addProjectionsShow } from './commands/projections-show.js'
import { addProjectionsVerify } from './commands/projections-verify.js'
import { addSchemasCheck } from './commands/schemas-check.js'
import { addSchemasDiff } from './commands/schemas-diff.js'
import { addSchemasList } from './commands/schemas-list.js'
import { addStart } from './commands/start.js'
import { addStreamsList } from './commands/streams-list.js'
import { addStreamsShow } from './commands/streams-show.js'
import { addStreamsTruncate } from './commands/streams-truncate.js'
import { addSubjectsForget } from './commands/subjects-forget.js'
import type { AddCommand, Context } from './context.js'

const lifecycle = [
  ...[addProjectionsShow, addProjectionsPause, addProjectionsResume, addProjectionsRebuild],
  ...[addProjectionsDiff, addProjectionsPromote, addProjectionsRollback],
]

const bridge = [
  ...[addBridgeList, addBridgeShow, addBridgeParked, addBridgeRetry, addBridgePause, addBridgeResume],
  ...[addBridgeReplay, addBridgeDrain],
]
const consumers = [addConsumersList, addConsumersLag, addConsumersReset, addConsumersRedrive]

const nouns: readonly (readonly [noun: string, description: string, ...verbs: AddCommand[]])[] = [
  ['db', 'the schema in the database', addDbMigrate, addDbStatus, addDbNewEpoch, addDbImport],
  ['projections', 'read models', addProjectionsList, ...lifecycle, addProjectionsReplay, addProjectionsVerify],
  ['dlq', 'events that a projection could not handle', addDlqList, addDlqShow, addDlqTry, addDlqRetry, addDlqSkip],
  ['streams', 'what happened to one aggregate', addStreamsList, addStreamsShow, addStreamsTruncate],
  ['schemas', 'the shapes of events', addSchemasList, addSchemasCheck, addSchemasDiff],
  ['subjects', 'the people whom events are about', addSubjectsForget],
  ['bridge', 'events on their way to Kafka', ...bridge],
  ['consumers', 'what handles events from Kafka', ...consumers],
  ['config', 'what this command works with', addConfigPrint],
]

/** The whole command line, ready to parse; errors are thrown, never printed. */
export function createProgram(context: Context): Command {
  const program = new Command('tidemark')
    .description('Event sourcing and CQRS on Postgres')
    .version(versionOfPackage(), '-V, --version')
    .addOption(new Option('-o, --output <format>', 'how data is written').choices(['table', 'json', 'ndjson']))
    .option('-q, --quiet', 'write data and errors only')
    .option('--yes', 'answer yes to every question')
    .option('--config <file>', 'the configuration, instead of the nearest tidemark.config.ts')
    .option('--debug', 'show where an error came from')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
  addDev(program, context)
  addStart(program, context)
  addBlame(program, context)
  for (const [noun, description, ...verbs] of nouns) {
    const parent = program.command(noun).description(description)
    for (const add of verbs) add(parent, context)
  }
  return program
}

function versionOfPackage(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
