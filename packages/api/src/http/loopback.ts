import { isIP } from 'node:net'

/** Whether a host to listen on can be reached from this machine alone; false for names other than `localhost`. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  if (address === 'localhost' || address === '::1') return true
  return isIP(address) === 4 && address.startsWith('127.')
}
