import type * as Platformatic from '@platformatic/kafka'
import { BridgeConfigurationError } from '../errors.js'

/**
 * Loads `@platformatic/kafka`, which only those who use it have.
 *
 * @throws {BridgeConfigurationError} it is not installed.
 */
export async function loadPlatformatic(load = () => import('@platformatic/kafka')): Promise<typeof Platformatic> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new BridgeConfigurationError(
      'createPlatformaticProducer needs @platformatic/kafka, which is not installed: npm install @platformatic/kafka@^1.22.0',
      { cause: error },
    )
  }
}
