import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCli } from './run-cli.js'

const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0

describe('completion', () => {
  it.skipIf(!has('bash'))('of bash offers what comes next', async () => {
    const { stdout: script, code, stderr } = await runCli(['completion', 'bash'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = [
      ['str'],
      ['streams', 's'],
      ['streams', 'export', '--f'],
      ['streams', 'export', 'order-1', '--as', ''],
      ['-o', 'json', 'projections', 'reb'],
      ['-o', ''],
      ['projections', 'list', '--wor'],
      ['projections', 'rebuild', 'x', '--wor'],
      // Which is hidden from the help.
      ['projections', 'rebuild', 'x', '--jo'],
    ]
    const calls = lines.map((words) => {
      const typed = ['tidemark', ...words].map((word) => `'${word}'`).join(' ')
      return `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _tidemark; echo "\${COMPREPLY[*]}"`
    })
    const { stdout, stderr: complaints } = spawnSync('bash', ['--norc', '-c', `${script}\n${calls.join('\n')}`], {
      encoding: 'utf8',
    })
    expect(complaints).toBe('')
    const offered = [
      'streams',
      'show state',
      '--file',
      'json vitest html',
      'rebuild',
      'table json ndjson',
      '',
      '--workers',
      '',
    ]
    expect(stdout.replace(/\n$/, '').split('\n')).toEqual(offered)
  })

  it('of other shells has every verb', async () => {
    const [fish, zsh] = await Promise.all(['fish', 'zsh'].map((shell) => runCli(['completion', shell])))
    expect(fish?.stdout).toMatch(
      /^complete -c tidemark -f -n '__fish_seen_subcommand_from streams; and not .*' -a export -d '/m,
    )
    expect(fish?.stdout).toMatch(/from streams; and __fish_seen_subcommand_from export' -l as -x -a 'json vitest html'/)
    expect(zsh?.stdout).toMatch(/^#compdef tidemark\n[^]*bashcompinit\n_tidemark\(\)/)
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-completion-'))
    try {
      for (const [shell, script] of [
        ['fish', fish],
        ['zsh', zsh],
      ] as const) {
        await writeFile(join(folder, shell), script?.stdout ?? '')
        if (has(shell)) expect(spawnSync(shell, ['-n', join(folder, shell)]).status, shell).toBe(0)
      }
      if (!has('fish')) return
      const typed = `source ${join(folder, 'fish')}; complete -C 'tidemark projections reb'`
      expect(spawnSync('fish', ['--no-config', '-c', typed], { encoding: 'utf8' }).stdout).toMatch(/^rebuild\t/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
