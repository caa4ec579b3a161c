// Everything on the one cluster, in this order: what is disturbed comes late, what looks back comes last.
import './story.ts'
import './knative.ts'
import './network-policies.ts'
import './disturbances.ts'
import './rights.ts'
