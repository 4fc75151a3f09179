import { expect, it } from 'vitest'
import { runCli } from './run-cli.js'

it('prints the OpenAPI document without a database', async () => {
  const { code, stdout, stderr } = await runCli(['openapi'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { openapi, paths } = JSON.parse(stdout)
  expect(openapi).toBe('3.1.0')
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/v1/counter-totals', '/v1/counter/{id}/add']))
})

it('says how to install what makes a client', async () => {
  const { code, stdout, stderr } = await runCli(['openapi', '--client', 'ts'])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^error: .* not installed: npm install --prefix \.tidemark\/openapi openapi-typescript@7\n$/)
})
