import type { Words } from './words.ts'

export const es: Words = {
  language: 'es',
  direction: 'ltr',
  waking: 'Despertando',
  lead: 'Nadie lo estaba usando y por eso dormía. Se abrirá aquí por sí solo en cuanto esté listo.',
  usual: 'Suele tardar unos {n} segundos.',
  slow: 'Está tardando más de lo habitual. Sigue en camino.',
  stopping: 'Justo se estaba durmiendo. En cuanto termine, arranca de nuevo.',
  noscript: 'Esta página se recarga sola cada pocos segundos.',
  steps: {
    scheduled: 'Buscando un lugar',
    pulling: 'Obteniendo el software',
    starting: 'Arrancando',
    database: 'Abriendo la base de datos',
    ready: 'Listo',
  },
  failed: 'Ahora mismo no arranca',
  again: 'Intentar de nuevo',
  next: 'Se puede volver a intentar dentro de {n}.',
  tell: 'Si sigue así, dígale esta palabra a su administrador:',
  causes: {
    unschedulable: {
      what: 'En este momento no hay capacidad libre.',
      advice: 'Se está ampliando si es posible. No se pierde nada; espere un poco, por favor.',
    },
    volume: {
      what: 'No se puede conectar su almacenamiento.',
      advice: 'Sus datos no se ven afectados. El administrador debe revisar el almacenamiento.',
    },
    quota: {
      what: 'Superaría los recursos de su plan.',
      advice: 'El administrador puede detener otros trabajos de esta instancia o cambiar de plan.',
    },
    refused: { what: 'La plataforma se niega a arrancarlo.', advice: 'El administrador puede leer allí el motivo.' },
    'image-pull': {
      what: 'No se puede obtener su software.',
      advice: 'El registro no responde o la versión no existe. El administrador puede comprobarlo.',
    },
    'crash-loop': {
      what: 'Arranca y se detiene enseguida.',
      advice: 'A menudo la causa es un módulo o la configuración. El administrador la encuentra en su registro.',
    },
    'out-of-memory': {
      what: 'Necesita más memoria de la que permite su plan.',
      advice: 'El administrador puede elegir un plan mayor o quitar módulos.',
    },
    configuration: {
      what: 'Falta una parte de su configuración.',
      advice: 'El administrador debe completarla.',
    },
    database: {
      what: 'Su base de datos no le deja entrar.',
      advice:
        'Sus datos no se ven afectados. El servidor de base de datos no responde o la rechaza; la administración puede verlo.',
    },
    timeout: {
      what: 'Se ha arrancado, pero no responde.',
      advice: 'Aún puede llegar: esta página sigue mirando. Si no, la causa está en su registro.',
    },
    'api-server': {
      what: 'La plataforma no puede arrancar nada en este momento.',
      advice: 'Inténtelo de nuevo dentro de un minuto.',
    },
  },
  suspended: {
    what: 'Este sitio está en pausa',
    advice: 'Ha sido suspendido. No se pierde nada. Si es suyo, su proveedor le dirá cómo reanudarlo.',
  },
  disabled: { what: 'Aquí no hay nada', advice: 'Este sitio no está disponible.' },
  limited: {
    what: 'Demasiadas veces por ahora',
    advice:
      'Desde su red se ha despertado este sitio con más frecuencia de lo habitual. Inténtelo de nuevo un poco más tarde.',
  },
  starting: { what: 'Un momento', advice: 'Estamos arrancando. Esta página se recarga sola.' },
}
