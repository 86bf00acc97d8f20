// Runs before each test file: what the file leaves open is closed after its last test.
import { afterAll } from 'vitest'
import { cleanUp } from './cleanup.js'

afterAll(cleanUp)
