import type { Words } from './words.ts'

export const pt: Words = {
  language: 'pt',
  direction: 'ltr',
  waking: 'A acordar',
  lead: 'Ninguém a estava a usar, por isso dormia. Abre-se aqui sozinha assim que estiver pronta.',
  usual: 'Costuma demorar cerca de {n} segundos.',
  slow: 'Está a demorar mais do que o habitual. Continua a caminho.',
  stopping: 'Estava mesmo a adormecer. Assim que terminar, arranca de novo.',
  noscript: 'Esta página recarrega-se sozinha de poucos em poucos segundos.',
  steps: {
    scheduled: 'A procurar um lugar',
    pulling: 'A obter o software',
    starting: 'A arrancar',
    database: 'A abrir a base de dados',
    ready: 'Pronto',
  },
  failed: 'Neste momento não arranca',
  again: 'Tentar de novo',
  next: 'Pode tentar-se de novo dentro de {n}.',
  tell: 'Se continuar assim, diga esta palavra ao seu administrador:',
  causes: {
    unschedulable: {
      what: 'Neste momento não há capacidade livre.',
      advice: 'Está a ser obtida mais, se possível. Nada se perde; aguarde um pouco, por favor.',
    },
    volume: {
      what: 'O armazenamento não pode ser ligado.',
      advice: 'Os seus dados não são afetados. O administrador tem de verificar o armazenamento.',
    },
    quota: {
      what: 'Ultrapassaria os recursos do seu plano.',
      advice: 'O administrador pode parar outras tarefas desta instância ou mudar de plano.',
    },
    refused: { what: 'A plataforma recusa-se a arrancá-la.', advice: 'O administrador pode ler lá o motivo.' },
    'image-pull': {
      what: 'O software não pode ser obtido.',
      advice: 'O registo não responde ou a versão não existe. O administrador pode verificar.',
    },
    'crash-loop': {
      what: 'Arranca e para logo a seguir.',
      advice: 'Muitas vezes a causa é um módulo ou a configuração. O administrador encontra-a no registo.',
    },
    'out-of-memory': {
      what: 'Precisa de mais memória do que o plano permite.',
      advice: 'O administrador pode escolher um plano maior ou remover módulos.',
    },
    configuration: {
      what: 'Falta uma parte da configuração.',
      advice: 'O administrador tem de a completar.',
    },
    database: {
      what: 'A base de dados não a deixa entrar.',
      advice:
        'Os seus dados não são afetados. O servidor da base de dados não responde ou recusa; o administrador pode ver porquê.',
    },
    timeout: {
      what: 'Foi arrancada, mas não responde.',
      advice: 'Ainda pode chegar: esta página continua a ver. Se não, a causa está no registo.',
    },
    'api-server': {
      what: 'A plataforma não consegue arrancar nada neste momento.',
      advice: 'Tente de novo daqui a um minuto.',
    },
  },
  suspended: {
    what: 'Este site está em pausa',
    advice: 'Foi suspenso. Nada se perde. Se for seu, o seu fornecedor diz-lhe como o retomar.',
  },
  disabled: { what: 'Não há nada aqui', advice: 'Este site não está disponível.' },
  limited: {
    what: 'Demasiadas vezes por agora',
    advice:
      'A partir da sua rede, este site foi acordado mais vezes do que é habitual. Tente novamente um pouco mais tarde.',
  },
  starting: { what: 'Um momento', advice: 'Estamos a arrancar. Esta página recarrega-se sozinha.' },
}
