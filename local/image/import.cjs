exports.importJob = (path) => import(path)
