// zod makes code of its own for each schema when it first reads something, which pays where one schema reads thousands of things. A function
// reads a few before its first answer, and its image is asked to start soon.
import { z } from 'zod'

z.config({ jitless: true })
