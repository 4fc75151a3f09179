/** How the package manager that started this process is told to install and to run. */
export interface PackageManager {
  readonly install: string
  readonly run: string
}

const npm: PackageManager = { install: 'npm install', run: 'npm run' }

const managers: Readonly<Record<string, PackageManager>> = {
  npm,
  pnpm: { install: 'pnpm install', run: 'pnpm' },
  yarn: { install: 'yarn', run: 'yarn' },
  bun: { install: 'bun install', run: 'bun run' },
}

/** The one that `npm_config_user_agent` names, as all of them set it; npm where it names none. */
export function packageManagerOf(userAgent: string | undefined): PackageManager {
  return managers[userAgent?.split('/')[0] ?? ''] ?? npm
}
