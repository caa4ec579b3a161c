import type { Words } from './words.ts'

export const fr: Words = {
  language: 'fr',
  direction: 'ltr',
  waking: 'Réveil en cours',
  lead: 'Personne ne l’utilisait, l’instance était donc en veille. Elle s’ouvrira ici d’elle-même dès qu’elle sera prête.',
  usual: 'Cela prend d’habitude environ {n} secondes.',
  slow: 'C’est plus long que d’habitude. Le démarrage continue.',
  stopping: 'Elle venait de s’endormir. Dès que c’est terminé, elle redémarre.',
  noscript: 'Cette page se recharge toute seule toutes les quelques secondes.',
  steps: {
    scheduled: 'Recherche d’une place',
    pulling: 'Récupération du logiciel',
    starting: 'Démarrage',
    database: 'Ouverture de la base de données',
    ready: 'Prêt',
  },
  failed: 'Impossible de démarrer pour le moment',
  again: 'Réessayer',
  next: 'Un nouvel essai est possible dans {n}.',
  tell: 'Si cela persiste, communiquez ce mot à votre administrateur :',
  causes: {
    unschedulable: {
      what: 'Il n’y a pas de capacité disponible en ce moment.',
      advice: 'De la place est libérée si possible. Rien n’est perdu ; merci de patienter un peu.',
    },
    volume: {
      what: 'Son espace de stockage ne peut pas être attaché.',
      advice: 'Vos données ne sont pas touchées. L’administrateur doit vérifier le stockage.',
    },
    quota: {
      what: 'Les ressources de sa formule seraient dépassées.',
      advice: 'L’administrateur peut arrêter d’autres tâches de cette instance ou changer de formule.',
    },
    refused: { what: 'La plateforme refuse de la démarrer.', advice: 'L’administrateur peut y lire la raison.' },
    'image-pull': {
      what: 'Son logiciel ne peut pas être récupéré.',
      advice: 'Le registre est injoignable ou la version n’existe pas. L’administrateur peut le vérifier.',
    },
    'crash-loop': {
      what: 'Elle démarre puis s’arrête aussitôt.',
      advice: 'Un module ou la configuration en est souvent la cause. L’administrateur la trouve dans son journal.',
    },
    'out-of-memory': {
      what: 'Elle a besoin de plus de mémoire que sa formule n’en permet.',
      advice: 'L’administrateur peut choisir une formule plus grande ou retirer des modules.',
    },
    configuration: {
      what: 'Une partie de sa configuration manque.',
      advice: 'L’administrateur doit la compléter.',
    },
    database: {
      what: 'Sa base de données ne la laisse pas entrer.',
      advice:
        'Vos données ne sont pas touchées. Le serveur de base de données est absent ou refuse ; l’administrateur peut le voir.',
    },
    timeout: {
      what: 'Elle a été démarrée mais ne répond pas.',
      advice: 'Elle peut encore arriver : cette page continue de regarder. Sinon, la cause est dans son journal.',
    },
    'api-server': {
      what: 'La plateforme ne peut rien démarrer pour le moment.',
      advice: 'Merci de réessayer dans une minute.',
    },
  },
  suspended: {
    what: 'Ce site est en pause',
    advice:
      'Il a été suspendu. Rien n’est perdu. S’il est à vous, votre fournisseur peut vous dire comment le reprendre.',
  },
  disabled: { what: 'Il n’y a rien ici', advice: 'Ce site n’est pas disponible.' },
  limited: {
    what: 'Trop de demandes pour l’instant',
    advice:
      'Depuis votre réseau, ce site a été réveillé plus souvent que d’ordinaire. Merci de réessayer un peu plus tard.',
  },
  starting: { what: 'Un instant', advice: 'Nous démarrons. Cette page se recharge toute seule.' },
}
