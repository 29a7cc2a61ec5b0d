"""The engine `connexion`, in which Connexion checks calls. Nothing outside this folder imports Connexion."""
